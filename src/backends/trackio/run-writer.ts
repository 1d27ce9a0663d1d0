/**
 * Stores the points of a run. The server answers 200 before it has stored anything if its database is locked, and
 * forgets the rows if it stays so. So a point counts as stored when its id was read back.
 */

import { type NotAccepted, outcomeOfThrown } from '../../backend-kit/failures/index.ts';
import { exactValue, hparamsOf, piecesOf } from '../../backend-kit/index.ts';
import { Job, sendParcels } from '../../backend-kit/sending/index.ts';
import type { Clock } from '../../clock.ts';
import type { Outcome, TrackerParcel } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { type Client, sqlText } from './client.ts';
import { mergeConfig, paramKey } from './config.ts';
import { factPrefix, idsBelow, prefixOf, type TrackioRun } from './handle.ts';
import { hasFragments, writeFragment } from './inbox.ts';
import { IMPORT_LOOK_MS, IMPORT_MS, QUERY_RANGES, REQUEST_BYTES, ROW_REACH, SAME_ROWS_AGAIN } from './limits.ts';
import { type Media, mediaPath } from './media.ts';
import { isoDate, rowText } from './row-text.ts';
import { type Item, idAt, idStart, itemsOf, placesIn, rowsOf } from './rows.ts';
import { gone } from './runs.ts';

/** The date in an inbox for a wall time that no calendar has: without one, the whole group gets the time of arrival. */
const NO_DATE = '1970-01-01T00:00:00.000000+00:00';

const INBOX_HINT = 'Check that inbox is the folder `inbox` in the TRACKIO_DIR of this server. See the log of the server.';

type Points = Job<readonly Item[]>;

/** What the tracker has of a run: its present name, and the places of points for each parcel. */
interface Held {
  readonly name: string;
  readonly places: ReadonlyMap<Points, ReadonlySet<string>>;
}

/** The parts of the backend that a run is written with. */
export interface Writing {
  readonly client: Client;
  readonly media: Media;
  readonly inbox: string | undefined;
  readonly clock: Clock;
  /** Rows of runs that were sent over HTTP, and may be stored later. */
  readonly unsure: Map<string, Unsure>;
}

/** Rows that a server may hold in its memory, and the points in them. */
interface Unsure {
  readonly texts: readonly string[];
  readonly jobs: readonly Points[];
  /** How often they may be sent again. */
  readonly left: number;
}

/** Returns one outcome for each parcel of a run. */
export function sendToRun(
  writing: Writing,
  run: TrackioRun,
  parcels: readonly TrackerParcel[],
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  const stored = new Set<Points>();
  return sendParcels<readonly Item[], Points>(parcels, {
    begin: async (parcel) =>
      new Job(
        parcel,
        itemsOf(parcel, (name) => mediaPath(run, name)),
      ),
    write: async (jobs) => {
      for (const piece of piecesOf(jobs, () => 0, { bytes: Number.POSITIVE_INFINITY, count: QUERY_RANGES })) {
        await writeJobs(writing, run, piece, signal);
        for (const job of piece) stored.add(job);
      }
    },
    isDone: (job) => stored.has(job),
    outcomeOf: (thrown) => outcomeOfSend(thrown, signal),
  });
}

/** Returns the outcome of an error. mirrorboard finds a refused row, because it sends the parcel again in halves. */
export function outcomeOfSend(thrown: unknown, signal: AbortSignal): NotAccepted {
  return outcomeOfThrown(thrown, signal, 'Trackio', 'content');
}

async function writeJobs(writing: Writing, run: TrackioRun, jobs: readonly Points[], signal: AbortSignal): Promise<void> {
  const { client, media, inbox } = writing;
  // What a former process or a failed send left there may be imported at any moment.
  const isWaiting = inbox !== undefined && hasFragments(inbox, prefixOf(run));
  await settleUnsure(writing, run, signal);
  let before = await heldOf(client, run, jobs, signal);
  if (isWaiting) {
    await emptied(writing, run, inbox, signal);
    before = await heldOf(client, run, jobs, signal);
  }
  const isHeld = (job: Points, place: string): boolean => before.places.get(job)?.has(place) === true;
  const rows = jobs.flatMap((job) => rowsOf(job.prepared, startOf(run, job), (place) => isHeld(job, place)));
  // A held row whose files are lost or damaged comes again to be mended.
  const named = jobs.flatMap((job) => job.prepared.flatMap(({ place, blobs }) => (blobs.length > 0 && isHeld(job, place) ? blobs : [])));
  if (named.length > 0) await media.mend(run, named, signal);
  if (rows.length === 0) return;
  await noteHparams(client, run, before.name, jobs, signal);
  // Before the rows that name them.
  const blobs = rows.flatMap(({ items }) => items.flatMap((item) => item.blobs));
  if (blobs.length > 0) await media.store(run, blobs, signal);
  const texts = rows.map(({ id, items: [first], metrics }) => {
    const date = inbox === undefined ? {} : { timestamp: isoDate(first?.wallTime) ?? NO_DATE };
    return rowText(run, before.name, { id, step: first?.step ?? 0, metrics, ...date });
  });
  if (inbox !== undefined) {
    writeFragment(inbox, prefixOf(run), texts);
    return imported(writing, run, jobs, signal);
  }
  await logRows(writing, run, { texts, jobs, left: SAME_ROWS_AGAIN }, signal);
}

/** Stores rows over HTTP. If it is not sure whether they were stored, they are noted. */
async function logRows({ client, unsure }: Writing, run: TrackioRun, sent: Unsure, signal: AbortSignal): Promise<void> {
  const key = prefixOf(run);
  unsure.set(key, sent);
  try {
    for (const piece of piecesOf(sent.texts, ({ length }) => length, { bytes: REQUEST_BYTES })) await client.log(piece, signal);
    expectHeld(await heldOf(client, run, sent.jobs, signal), run, sent.jobs);
    unsure.delete(key);
  } catch (cause) {
    if (sent.left === 0 || outcomeOfSend(cause, signal).kind !== 'retry') unsure.delete(key);
    throw cause;
  }
}

/** Sends again the same rows that may be stored later: other rows of their points would be there in addition. */
async function settleUnsure(writing: Writing, run: TrackioRun, signal: AbortSignal): Promise<void> {
  const sent = writing.unsure.get(prefixOf(run));
  if (sent === undefined) return;
  try {
    await logRows(writing, run, { ...sent, left: sent.left - 1 }, signal);
  } catch (cause) {
    // A refused row is not stored later.
    if (outcomeOfSend(cause, signal).kind !== 'rejected') throw cause;
  }
}

/** Waits for the import of what was written before. To remove it would not be safe: the server reads files first. */
async function emptied({ clock }: Writing, run: TrackioRun, inbox: string, signal: AbortSignal): Promise<void> {
  const end = clock.steadyMs() + IMPORT_MS;
  while (hasFragments(inbox, prefixOf(run))) {
    if (clock.steadyMs() > end) {
      throw new MirrorError('MB4005', `Trackio has not imported rows of the run ${run.run} that are in its inbox`, {
        retry: 'later',
        hint: `${INBOX_HINT} The server must be allowed to remove files there.`,
      });
    }
    await clock.sleep(IMPORT_LOOK_MS, signal);
    signal.throwIfAborted();
  }
}

/** Waits for the import of what was written. */
async function imported({ client, clock }: Writing, run: TrackioRun, jobs: readonly Points[], signal: AbortSignal): Promise<void> {
  const end = clock.steadyMs() + IMPORT_MS;
  for (;;) {
    await clock.sleep(IMPORT_LOOK_MS, signal);
    signal.throwIfAborted();
    const held = await heldOf(client, run, jobs, signal);
    const isLate = clock.steadyMs() > end;
    if (lostOf(held, jobs) === 0 || isLate) {
      return expectHeld(held, run, jobs, INBOX_HINT);
    }
  }
}

function expectHeld(
  held: Held,
  run: TrackioRun,
  jobs: readonly Points[],
  hint = 'Trackio drops rows while another program locks its database. See the log of the server.',
): void {
  const lost = lostOf(held, jobs);
  if (lost === 0) return;
  throw new MirrorError('MB4005', `Trackio took points of the run ${run.run}, and does not have ${lost} of them`, { retry: 'later', hint });
}

function lostOf({ places }: Held, jobs: readonly Points[]): number {
  return jobs.reduce((sum, job) => sum + job.prepared.filter(({ place }) => places.get(job)?.has(place) !== true).length, 0);
}

/** Asks which points of some parcels the server has. Throws if the run is gone. */
async function heldOf(client: Client, run: TrackioRun, jobs: readonly Points[], signal: AbortSignal): Promise<Held> {
  const lists = jobs.map((job, i) => {
    const start = startOf(run, job);
    const [first, last] = [job.prepared[0], job.prepared.at(-1)];
    if (first === undefined || last === undefined) return '';
    // Several rows before the parcel may reach into it.
    const from = sqlText(idAt(start, Math.max(0, first.offset - ROW_REACH)));
    const range = `log_id > ${from} and log_id < ${sqlText(`${idAt(start, last.offset)}~`)}`;
    return `, (select group_concat(${placesIn(start)}, ';') from metrics where ${range}) as list${i}`;
  });
  const [row] = await client.query(run.project, `select ${nameQuery(run)} as name${lists.join('')}`, signal);
  const name = row?.['name'];
  if (typeof name !== 'string') throw gone(run);
  return { name, places: new Map(jobs.map((job, i) => [job, new Set(String(row?.[`list${i}`] ?? '').split(';'))])) };
}

function startOf(run: TrackioRun, { parcel }: Points): string {
  return idStart(prefixOf(run), parcel.file);
}

/** Returns the query for the present name of a run: it has none if it is gone. */
export function nameQuery(run: TrackioRun): string {
  const where = run.isJoined ? `run_id = ${sqlText(run.run)}` : idsBelow(factPrefix(run.base, run.attempt));
  return `(select run_name from metrics where ${where} limit 1)`;
}

/** Adds hyperparameters of points to the config, where Trackio shows params. */
async function noteHparams(client: Client, run: TrackioRun, name: string, jobs: readonly Points[], signal: AbortSignal): Promise<void> {
  const params = jobs.flatMap(({ parcel: { batch, series } }) =>
    batch.objects
      .filter((point) => series[point.series]?.plugin === 'hparams')
      .flatMap((point) => hparamsOf(exactValue('hparams', point).value)),
  );
  if (params.length === 0) return;
  const fields = Object.fromEntries(params.map(([key, value]) => [paramKey(key), typeof value === 'object' ? null : value]));
  await mergeConfig(client, run, name, signal, (config) => (run.isJoined ? { ...fields, ...config } : { ...config, ...fields }));
}
