/**
 * Stores the points of a run. The server answers 200 before it has stored anything if its database is locked, and
 * forgets the rows if it stays so. So a point counts as stored when its id was read back.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { type NotAccepted, outcomeOfThrown } from '../../backend-kit/failures/index.ts';
import { exactValue, hparamsOf, piecesOf } from '../../backend-kit/index.ts';
import { Job, sendParcels } from '../../backend-kit/sending/index.ts';
import type { Clock } from '../../clock.ts';
import type { Outcome, TrackerParcel } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import type { Blob } from '../../model/index.ts';
import { type Client, sqlText } from './client.ts';
import { mergeConfig, paramKey } from './config.ts';
import { factPrefix, idsBelow, prefixOf, type TrackioRun } from './handle.ts';
import { hasFragments, writeFragment } from './inbox.ts';
import { IMPORT_LOOK_MS, IMPORT_MS, PREPARED_BYTES, QUERY_RANGES, REQUEST_BYTES, ROW_REACH, SAME_ROWS_AGAIN } from './limits.ts';
import { type Media, mediaPath } from './media.ts';
import { isoDate, rowText } from './row-text.ts';
import { type Item, idAt, idStart, itemsOf, markIn, markOf, offsetsOf, placesIn, type Row, rowsOf } from './rows.ts';
import { gone } from './runs.ts';

/** The date in an inbox for a wall time that no calendar has: without one, the whole group gets the time of arrival. */
const NO_DATE = '1970-01-01T00:00:00.000000+00:00';

const LOCK_HINT = 'Trackio drops rows while another program locks its database. See the log of the server.';
const INBOX_HINT = 'Check that inbox is the folder `inbox` in the TRACKIO_DIR of this server. See the log of the server.';

/** What the tracker has of a run: its present name, and the places of points for each parcel. */
interface Held {
  readonly name: string;
  readonly places: ReadonlyMap<Job, ReadonlySet<string>>;
}

/** The parts of the backend that a run is written with. */
export interface Writing {
  readonly client: Client;
  readonly media: Media;
  readonly inbox: string | undefined;
  readonly clock: Clock;
  /** Rows of runs that were sent over HTTP, and may be stored later. */
  readonly unsure: Map<string, Sent>;
}

/** Rows that were sent: a server may hold them in its memory. */
interface Sent {
  readonly texts: string[];
  readonly checks: Check[];
  /** How often they may be sent again. */
  readonly left: number;
}

/** The rows of a parcel: where to look for them, and how many points each has, by its mark. */
interface Check {
  readonly start: string;
  readonly first: number;
  readonly last: number;
  readonly points: ReadonlyMap<string, number>;
}

/** Returns one outcome for each parcel of a run. */
export function sendToRun(
  writing: Writing,
  run: TrackioRun,
  parcels: readonly TrackerParcel[],
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  const stored = new Set<Job>();
  return sendParcels<undefined>(parcels, {
    begin: async (parcel) => new Job(parcel, undefined),
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

async function writeJobs(writing: Writing, run: TrackioRun, jobs: readonly Job[], signal: AbortSignal): Promise<void> {
  const { client, inbox } = writing;
  // What a former process or a failed send left there may be imported at any moment.
  const isWaiting = inbox !== undefined && hasFragments(inbox, prefixOf(run));
  await settleUnsure(writing, run, signal);
  if (isWaiting && !(await isEmptied(writing, run, inbox, signal))) {
    throw new MirrorError('MB4005', `Trackio has not imported rows of the run ${run.run} that are in its inbox`, {
      retry: 'later',
      hint: `${INBOX_HINT} The server must be allowed to remove files there.`,
    });
  }
  const before = await heldOf(client, run, jobs, signal);
  const sent: Sent = { texts: [], checks: [], left: SAME_ROWS_AGAIN };
  const prepared = preparedRows(writing, run, jobs, before, sent.checks, signal);
  if (inbox === undefined) return logRows(writing, run, sent, prepared, signal);
  for await (const texts of prepared) for (const text of texts) sent.texts.push(text);
  if (sent.texts.length === 0) return;
  writeFragment(inbox, prefixOf(run), sent.texts);
  await isEmptied(writing, run, inbox, signal);
  await expectStored(client, run, sent.checks, signal, INBOX_HINT);
}

/** Returns the texts of the rows for the points that are not stored yet, some at a time, after what they name. */
async function* preparedRows(
  { client, media, inbox }: Writing,
  run: TrackioRun,
  jobs: readonly Job[],
  { name, places }: Held,
  checks: Check[],
  signal: AbortSignal,
): AsyncGenerator<readonly string[], void, void> {
  for (const job of jobs) {
    const { parcel } = job;
    const offsets = offsetsOf(parcel);
    if (offsets === undefined) continue;
    await noteHparams(client, run, name, parcel, signal);
    const start = startOf(run, parcel);
    const points = new Map<string, number>();
    checks.push({ start, ...offsets, points });
    const held = places.get(job);
    // A held row whose files are lost or damaged comes again to be mended.
    const named: Blob[] = [];
    const isHeld = ({ place, blobs }: Item): boolean => {
      if (held?.has(place) !== true) return false;
      for (const blob of blobs) named.push(blob);
      return true;
    };
    const items = itemsOf(parcel, (file) => mediaPath(run, file));
    for (const rows of someAtATime(rowsOf(items, start, isHeld))) {
      // The request before must get out meanwhile.
      await nextTurn();
      // Before the rows that name them.
      const blobs = rows.flatMap((row) => row.items.flatMap((item) => item.blobs));
      if (blobs.length > 0) await media.store(run, blobs, signal);
      for (const row of rows) points.set(markOf(row, start), row.items.length);
      yield rows.map(({ id, items: [first], metrics }) => {
        const date = inbox === undefined ? {} : { timestamp: isoDate(first?.wallTime) ?? NO_DATE };
        return rowText(run, name, { id, step: first?.step ?? 0, metrics, ...date });
      });
    }
    if (named.length > 0) await media.mend(run, named, signal);
  }
}

function* someAtATime(rows: Iterable<Row>): Generator<readonly Row[], void, void> {
  let some: Row[] = [];
  let bytes = 0;
  for (const row of rows) {
    some.push(row);
    bytes += row.metrics.length;
    if (bytes < PREPARED_BYTES) continue;
    yield some;
    some = [];
    bytes = 0;
  }
  if (some.length > 0) yield some;
}

/**
 * Stores rows over HTTP, and prepares the next ones while the server stores those before. If it is not sure whether
 * they were stored, they are noted.
 */
async function logRows(
  { client, unsure }: Writing,
  run: TrackioRun,
  sent: Sent,
  more: AsyncIterable<readonly string[]> | undefined,
  signal: AbortSignal,
): Promise<void> {
  const key = prefixOf(run);
  unsure.set(key, sent);
  let under: Promise<void> = Promise.resolve();
  let waiting: string[] = [];
  let bytes = 0;
  const log = async (): Promise<void> => {
    await under;
    if (waiting.length === 0) return;
    under = client.log(waiting, signal);
    // It is awaited before the next one, and at the end.
    under.catch(() => undefined);
    waiting = [];
    bytes = 0;
  };
  const add = async (texts: readonly string[]): Promise<void> => {
    for (const text of texts) {
      if (bytes + text.length > REQUEST_BYTES) await log();
      waiting.push(text);
      bytes += text.length;
    }
  };
  try {
    await add(sent.texts);
    for await (const texts of more ?? []) {
      for (const text of texts) sent.texts.push(text);
      await add(texts);
    }
    await log();
    await under;
    await expectStored(client, run, sent.checks, signal, LOCK_HINT);
    unsure.delete(key);
  } catch (cause) {
    await under.catch(() => undefined);
    if (sent.left === 0 || outcomeOfSend(cause, signal).kind !== 'retry') unsure.delete(key);
    throw cause;
  }
}

/** Sends again the same rows that may be stored later: other rows of their points would be there in addition. */
async function settleUnsure(writing: Writing, run: TrackioRun, signal: AbortSignal): Promise<void> {
  const sent = writing.unsure.get(prefixOf(run));
  if (sent === undefined) return;
  try {
    await logRows(writing, run, { ...sent, left: sent.left - 1 }, undefined, signal);
  } catch (cause) {
    // A refused row is not stored later.
    if (outcomeOfSend(cause, signal).kind !== 'rejected') throw cause;
  }
}

/**
 * Waits for the import of what was written before. Returns false if it takes too long. To remove it would not be safe:
 * the server reads files first.
 */
async function isEmptied({ clock }: Writing, run: TrackioRun, inbox: string, signal: AbortSignal): Promise<boolean> {
  const end = clock.steadyMs() + IMPORT_MS;
  while (hasFragments(inbox, prefixOf(run))) {
    if (clock.steadyMs() > end) return false;
    await clock.sleep(IMPORT_LOOK_MS, signal);
    signal.throwIfAborted();
  }
  return true;
}

/** Throws if the server does not have all rows that were sent. */
async function expectStored(client: Client, run: TrackioRun, checks: readonly Check[], signal: AbortSignal, hint: string): Promise<void> {
  if (checks.length === 0) return;
  const lists = checks.map(
    ({ start, first, last }, i) =>
      `(select group_concat(${markIn(start)}, '|') from metrics where ${idRange(start, first, last)}) as list${i}`,
  );
  const [row] = await client.query(run.project, `select ${lists.join(', ')}`, signal);
  const lost = checks.reduce((sum, { points }, i) => {
    const there = new Set((row?.[`list${i}`] ?? '').split('|'));
    return [...points].reduce((more, [mark, count]) => (there.has(mark) ? more : more + count), sum);
  }, 0);
  if (lost === 0) return;
  throw new MirrorError('MB4005', `Trackio took points of the run ${run.run}, and does not have ${lost} of them`, { retry: 'later', hint });
}

/** Asks which points of some parcels the server has. Throws if the run is gone. */
async function heldOf(client: Client, run: TrackioRun, jobs: readonly Job[], signal: AbortSignal): Promise<Held> {
  const lists = jobs.map((job, i) => {
    const start = startOf(run, job.parcel);
    const offsets = offsetsOf(job.parcel);
    if (offsets === undefined) return '';
    // Several rows before the parcel may reach into it.
    const range = idRange(start, Math.max(0, offsets.first - ROW_REACH), offsets.last);
    return `, (select group_concat(${placesIn(start)}, ';') from metrics where ${range}) as list${i}`;
  });
  const [row] = await client.query(run.project, `select ${nameQuery(run)} as name${lists.join('')}`, signal);
  const name = row?.['name'];
  if (typeof name !== 'string') throw gone(run);
  return { name, places: new Map(jobs.map((job, i) => [job, new Set((row?.[`list${i}`] ?? '').split(';'))])) };
}

/** Returns the condition of SQL for the rows of a file that begin at some offsets, both included. */
function idRange(start: string, first: number, last: number): string {
  return `log_id > ${sqlText(idAt(start, first))} and log_id < ${sqlText(`${idAt(start, last)}~`)}`;
}

function startOf(run: TrackioRun, { file }: TrackerParcel): string {
  return idStart(prefixOf(run), file);
}

/** Returns the query for the present name of a run: it has none if it is gone. */
export function nameQuery(run: TrackioRun): string {
  const where = run.isJoined ? `run_id = ${sqlText(run.run)}` : idsBelow(factPrefix(run.base, run.attempt));
  return `(select run_name from metrics where ${where} limit 1)`;
}

/** Adds hyperparameters of points to the config, where Trackio shows params. */
async function noteHparams(
  client: Client,
  run: TrackioRun,
  name: string,
  { batch, series }: TrackerParcel,
  signal: AbortSignal,
): Promise<void> {
  const params = batch.objects
    .filter((point) => series[point.series]?.plugin === 'hparams')
    .flatMap((point) => hparamsOf(exactValue('hparams', point).value));
  if (params.length === 0) return;
  const fields = Object.fromEntries(params.map(([key, value]) => [paramKey(key), typeof value === 'object' ? null : value]));
  await mergeConfig(client, run, name, signal, (config) => (run.isJoined ? { ...fields, ...config } : { ...config, ...fields }));
}
