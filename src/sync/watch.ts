/** Opens everything a watch needs, and closes it again. */
import { LocalBackend } from '../backends/local/index.ts';
import { unseenRoots } from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import { useMemory } from '../memory/index.ts';
import { checkRoots } from '../moves/index.ts';
import { FileLock } from '../state/index.ts';
import type { WatchStatus } from '../status/index.ts';
import { finishTidying } from '../tidy/index.ts';
import { makeStoreFolder, openState } from './lane-files.ts';
import type { WatchOptions } from './watch-options.ts';
import { Watcher } from './watcher.ts';

/**
 * Mirrors what is below the roots, then what is added to it, until the signal is aborted; returns how things stand
 * then. Closes the lanes' backends. A lane that fails waits and does not end the watch. Throws as `backfill` does.
 */
export async function watch(options: WatchOptions): Promise<WatchStatus> {
  const { store, trackers = [] } = options;
  useMemory({ roots: options.roots.length });
  const unseen = await unseenRoots(options.roots, { isPatient: true });
  if (checkRoots(options.roots, { store: store?.path, state: options.statePath }, unseen).length === 0)
    throw new MirrorError('MB1001', 'nothing to watch: no log directory given', { command: 'mirrorboard watch LOGDIR' });
  if (store !== undefined) makeStoreFolder(store.path);
  const lock = store === undefined ? undefined : FileLock.acquire(store.path);
  try {
    const state = openState(options.statePath, options.log, options);
    try {
      const local = store === undefined ? undefined : new LocalBackend(store);
      try {
        const warn = (message: string): void => options.log?.warn({}, message);
        const places = { state, local: local === undefined || store === undefined ? undefined : { backend: local, path: store.path } };
        await finishTidying({ ...places, trackers, warn, signal: options.signal, clock: options.clock });
        return await new Watcher(local, state, unseen, options).run();
      } finally {
        await local?.close();
        for (const { backend } of trackers) await backend.close();
      }
    } finally {
      state.close();
    }
  } finally {
    lock?.release();
  }
}
