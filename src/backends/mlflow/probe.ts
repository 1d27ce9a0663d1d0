import type { Probe } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import { headerOf } from '../../http/index.ts';
import { failureOf } from './answers.ts';
import { type Artifacts, artifactRoot, awayHint, placeOf } from './artifacts.ts';
import type { Experiment, MlflowClient, MlflowReply, MlflowServerFacts } from './client.ts';
import { deletedError } from './experiments.ts';
import type { LearnedFacts } from './learned-facts.ts';
import { PARAM_LENGTH } from './limits.ts';
import type { MlflowSettings } from './settings.ts';

/** Larger differences between the clocks get a note, since the times of runs come from them. */
const SKEW_MS = 60_000;

/** Checks that a server is there that speaks the API and accepts our credentials. Throws what is wrong. */
export async function lookFor(
  client: MlflowClient,
  settings: Pick<MlflowSettings, 'workspace' | 'kind'>,
  signal: AbortSignal,
): Promise<void> {
  const { workspace } = settings;
  const health = await client.raw({ method: 'GET', path: '/health', signal });
  if (health.kind === 'retry' && health.status === undefined)
    throw failureOf(health, 'looking for the tracking server', client.address).error;
  // The server answers /health for any host name and any rights: this is the first call that proves something.
  const search = await client.call('looking for experiments', 'POST', 'experiments/search', { max_results: 1 }, signal);
  if (search.kind === 'ok') return;
  if (search.cause === 'missing' && workspace !== undefined && /workspace/i.test(search.error.message)) {
    throw new MirrorError('MB4004', `there is no workspace ${workspace} at ${client.address}`, {
      hint: 'Correct workspace (MLFLOW_WORKSPACE), or make it.',
      cause: search.error,
    });
  }
  // A server that supports workspaces but runs without them fails at every request that names one.
  const facts = workspace === undefined ? undefined : await client.serverFacts(signal);
  if (facts?.kind === 'ok') checkWorkspace(settings, facts.value, client.address);
  throw search.cause === 'missing' ? notMlflow(client.address) : search.error;
}

/**
 * Checks that the server supports the workspace of the settings. A server that knows no workspaces ignores the name
 * and would put everything together. One that was started without them accepts no request that names one, not even
 * the default. Throws MB4004.
 */
export function checkWorkspace(
  { workspace, kind }: Pick<MlflowSettings, 'workspace' | 'kind'>,
  facts: MlflowServerFacts,
  address: string,
): void {
  if (workspace === undefined || facts.hasWorkspaces === true || kind === 'store') return;
  if (workspace === 'default' && facts.hasWorkspaces === undefined) return;
  throw new MirrorError('MB4004', `${address} does not support workspaces, so mirrorboard cannot write to ${workspace}`, {
    hint: 'Start the server with --enable-workspaces, or leave workspace (MLFLOW_WORKSPACE) out.',
    context: { workspace },
  });
}

/** Checks a server that is known to be there, and writes nothing. Throws what is wrong. */
export async function probeServer(
  client: MlflowClient,
  artifacts: Artifacts,
  learned: LearnedFacts,
  settings: MlflowSettings,
  signal: AbortSignal,
): Promise<Probe & { readonly isAway: boolean }> {
  const version = await client.raw({ method: 'GET', path: '/version', signal });
  const clockSkewMs = skewOf(headerOf(version.headers, 'date'));
  const experiment = await experimentOf(client, settings, signal);
  const { hosted } = settings;
  const notes = storeNotes(learned, hosted !== undefined);
  if (hosted?.credentials !== undefined) notes.push(`${hosted.name} accepts the credentials: ${hosted.credentials}.`);
  for (const note of hosted?.notes ?? []) notes.push(note);
  let isAway = false;
  if (!settings.artifacts) notes.push('Artifacts are switched off: mirrorboard mirrors only scalars.');
  else if ((await artifacts.isServed(signal)) === false) {
    notes.push('The server does not serve artifacts (--no-serve-artifacts): mirrorboard mirrors only scalars.');
  } else {
    const away = await awayNote(client, experiment.found, awayHint(hosted), signal);
    if (away !== undefined) notes.push(away);
    isAway = away !== undefined && experiment.found !== undefined;
  }
  if (clockSkewMs !== undefined && Math.abs(clockSkewMs) > SKEW_MS) {
    notes.push(`The server's clock is ${Math.round(Math.abs(clockSkewMs) / 1000)} s ${clockSkewMs > 0 ? 'ahead of' : 'behind'} ours.`);
  }
  if (experiment.note !== undefined) notes.push(experiment.note);
  const text = version.kind === 'ok' ? version.body.toString('utf8').trim() : '';
  return { address: client.address, version: /^\d[\w.+-]*$/.test(text) ? text : undefined, clockSkewMs, notes, isAway };
}

/** Returns notes on how the store differs from SQLite and PostgreSQL, which keep every point once and as it is. */
function storeNotes({ facts, isTried, namesItsStore }: LearnedFacts, isHosted: boolean): string[] {
  const notes: string[] = [];
  if (facts.isFileStore) notes.push(FILE_STORE_NOTE);
  if (!isTried && !namesItsStore) {
    notes.push(
      isHosted
        ? 'The service does not say if it stores a point twice that is sent again. Use --write to find out.'
        : 'Servers before 3.0 do not say how they store their data. If they use files (their default), points that are ' +
            'sent again may be there twice. Use --write to find out.',
    );
  }
  if (facts.foldsNames) {
    notes.push(
      'The database treats names as equal that differ only by case, accents or blanks at the end (its collation). ' +
        'mirrorboard appends .x. to all of them but the first of a run.',
    );
  }
  if (facts.foldsLetters) {
    notes.push(
      'The database treats letters as equal (its collation follows Unicode: ø is o, æ is ae). mirrorboard escapes ' +
        'letters beyond ASCII in names.',
    );
  }
  if (facts.isNarrow && !facts.isAscii) {
    notes.push(
      'The database (utf8mb3) cannot hold characters beyond the first 65,536, such as emoji. mirrorboard escapes them ' +
        'in names, and writes \\uXXXX in tags and params. If you need them, convert the database to utf8mb4 before ' +
        'you mirror the first run.',
    );
  }
  if (facts.isAscii) {
    notes.push(
      'The database holds only latin1 characters. mirrorboard escapes others in names, and writes \\uXXXX in tags and ' +
        'params. If you need them, convert the database to utf8mb4 before you mirror the first run.',
    );
  }
  if (isTried && facts.paramLength < PARAM_LENGTH) {
    notes.push(`Params are cut at ${facts.paramLength} characters, the limit of this version.`);
  }
  return notes;
}

const FILE_STORE_NOTE =
  'The server keeps its data in files (FileStore) and stores every copy of a point. mirrorboard checks for points ' +
  'before it sends them again, which is slow. Points that were in transit during a crash may be there twice. "/" in ' +
  'names of metrics is escaped. None of this applies to a database such as SQLite.';

/**
 * Returns a note if mirrorboard cannot reach the place of the experiment's files. If the experiment does not exist
 * yet, the default experiment's place tells.
 */
async function awayNote(
  client: MlflowClient,
  found: Experiment | undefined,
  hint: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const known = found ?? okOr(await client.experimentById('0', signal));
  if (known === undefined || known.artifacts === '' || artifactRoot(known.artifacts) !== undefined) return undefined;
  const away = `keeps artifacts ${placeOf(known.artifacts)}, not behind the tracking server`;
  // The place of an experiment that does not exist yet is unknown. What mirrorboard reports about kinds that are kept
  // in files holds only if that place is behind the server.
  return found === undefined
    ? `The experiment Default ${away}, and every new experiment may do the same. Into such an experiment, ` +
        `mirrorboard mirrors only scalars. ${hint}`
    : `The experiment ${known.name} ${away}. mirrorboard mirrors only scalars. ${hint}`;
}

function okOr<T>(reply: MlflowReply<T>): T | undefined {
  return reply.kind === 'ok' ? reply.value : undefined;
}

interface Looked {
  readonly found: Experiment | undefined;
  readonly note?: string;
}

/** Finds the lane's experiment, if the lane names one. */
async function experimentOf(client: MlflowClient, settings: MlflowSettings, signal: AbortSignal): Promise<Looked> {
  const { experimentId, experimentName } = settings;
  if (experimentId === undefined && experimentName === undefined) return { found: undefined };
  const found =
    experimentId === undefined
      ? await client.experimentNamed(experimentName ?? '', signal)
      : await client.experimentById(experimentId, signal);
  if (found.kind === 'ok') {
    if (found.value.isDeleted && !settings.restoreDeleted) throw deletedError(found.value);
    const isOther = experimentId !== undefined && experimentName !== undefined && found.value.name !== experimentName;
    const note = `The experiment ${experimentId} is named ${found.value.name}, not ${experimentName}. mirrorboard uses the id.`;
    return { found: found.value, ...(isOther ? { note } : {}) };
  }
  if (found.cause !== 'missing' && found.cause !== 'refused') throw found.error;
  if (experimentId !== undefined) {
    throw new MirrorError('MB4004', `there is no experiment with the id ${experimentId} at ${client.address}`, {
      hint: 'Correct experiment_id (MLFLOW_EXPERIMENT_ID), or give experiment_name.',
    });
  }
  return { found: undefined, note: `The experiment ${experimentName} does not exist yet: mirrorboard will create it.` };
}

function notMlflow(address: string): MirrorError {
  return new MirrorError('MB4003', `${address} does not know MLflow's API`, {
    hint: 'Check tracking_uri: is it a tracking server, and is the path before /api right (--static-prefix)?',
  });
}

/**
 * Returns how far the server's clock is ahead of ours, in milliseconds. Headers have whole seconds, so half a second
 * is added as the average.
 */
function skewOf(date: string | undefined): number | undefined {
  const theirs = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(theirs) ? undefined : theirs + 500 - Date.now();
}
