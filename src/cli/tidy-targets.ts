import { existsSync } from 'node:fs';
import { LocalBackend, openStore, type StoreReader } from '../backends/local/index.ts';
import type { Config } from '../config/index.ts';
import { MirrorError } from '../errors.ts';
import { resolveLanes, type TrackerLaneOptions } from '../lanes/index.ts';
import { FileLock, StateFile, type StateReader } from '../state/index.ts';
import { finishTidying, type TidyTargets } from '../tidy/index.ts';
import type { CommandContext } from './context.ts';

/** Store and state, open to read; a command needs at least one of them. */
export interface OpenSources {
  readonly store: StoreReader | undefined;
  readonly state: StateReader | undefined;
}

/** Returns the lanes of a configuration that lead to trackers, as the state knows them. */
export async function lanesOf(config: Config, env: CommandContext['env']): Promise<{ readonly name: string; readonly target: string }[]> {
  return (await resolveLanes(config, env)).map(({ name, target }) => ({ name, target }));
}

/** Reads the store and the state of a configuration, if they exist. */
export async function withSources<Result>(config: Config, work: (sources: OpenSources) => Promise<Result>): Promise<Result> {
  const paths = pathsOf(config);
  const store = paths.store === undefined ? undefined : openStore(paths.store.path);
  let state: StateReader | undefined;
  try {
    state = paths.state === undefined ? undefined : StateFile.openForReading(paths.state);
    return await work({ store, state });
  } finally {
    store?.close();
    state?.close();
  }
}

/**
 * Opens store and state of a configuration to change them. First finishes a change that was begun and cut off. Throws
 * if another process writes to them.
 */
export async function withTidyTargets<Result>(
  config: Config,
  trackers: readonly TrackerLaneOptions[],
  { warn, signal }: Pick<TidyTargets, 'warn' | 'signal'>,
  work: (targets: TidyTargets) => Promise<Result>,
): Promise<Result> {
  const paths = pathsOf(config);
  const lock = paths.store === undefined ? undefined : ours(() => FileLock.acquire(paths.store?.path ?? ''));
  let state: StateFile | undefined;
  let backend: LocalBackend | undefined;
  try {
    const { state: statePath } = paths;
    if (statePath !== undefined) state = ours(() => StateFile.open(statePath, { now: Date.now }));
    if (paths.store !== undefined) backend = new LocalBackend(paths.store);
    const local = backend === undefined || paths.store === undefined ? undefined : { backend, path: paths.store.path };
    const targets = { state, local, trackers, warn, signal };
    await finishTidying(targets);
    return await work(targets);
  } finally {
    await backend?.close();
    state?.close();
    lock?.release();
  }
}

function pathsOf({ lanes, state }: Config): { readonly store: Config['lanes']['local']; readonly state: string | undefined } {
  const store = lanes.local !== undefined && existsSync(lanes.local.path) ? lanes.local : undefined;
  const statePath = existsSync(state.path) ? state.path : undefined;
  if (store === undefined && statePath === undefined) {
    const path = lanes.local?.path ?? state.path;
    throw new MirrorError(lanes.local === undefined ? 'MB3105' : 'MB3007', `nothing is mirrored yet: ${path} does not exist`, {
      hint: 'Mirror a log directory first, or give the store and state with --store and --state.',
      command: 'mirrorboard backfill LOGDIR',
      context: { path },
    });
  }
  return { store, state: statePath };
}

/**
 * Opens a file, and adds a hint to the error if another process writes to it: a process that mirrors must end first,
 * because its positions would change under it.
 */
function ours<Opened>(open: () => Opened): Opened {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof MirrorError) || (error.code !== 'MB3004' && error.code !== 'MB3106')) throw error;
    throw new MirrorError(error.code, error.message, {
      hint:
        'Stop that watch first (Ctrl-C or SIGTERM; it keeps what it has read), run this command again, then ' +
        'restart watch. Nothing was changed.',
      cause: error,
      context: error.context,
    });
  }
}
