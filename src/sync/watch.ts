/** Checks and opens everything a watch needs, and closes it again. */
import { unseenRoots } from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import { useMemory } from '../memory/index.ts';
import { checkRoots } from '../moves/index.ts';
import type { WatchStatus } from '../status/index.ts';
import { finishTidying } from '../tidy/index.ts';
import { closeTrackers } from './close-trackers.ts';
import type { WatchOptions } from './watch-options.ts';
import { WatchStores } from './watch-stores.ts';

/**
 * Mirrors what is below the roots, then what is added, until the signal is aborted. Returns the status at that time.
 * Closes the lanes' backends. A lane that fails waits and does not end the watch. Throws as `backfill` does.
 */
export async function watch(options: WatchOptions): Promise<WatchStatus> {
  const places = new WatchStores();
  try {
    return await watchIn(places, options);
  } finally {
    await places.close();
  }
}

/** Does the same with stores that stay open for the next watch. The caller closes them. */
export async function watchIn(places: WatchStores, options: WatchOptions): Promise<WatchStatus> {
  const { trackers = [] } = options;
  try {
    useMemory({ roots: options.roots.length });
    const unseen = await unseenRoots(options.roots, { isPatient: true });
    if (checkRoots(options.roots, { store: options.store?.path, state: options.statePath }, unseen).length === 0)
      throw new MirrorError('MB1001', 'nothing to watch: no log directory given', { command: 'mirrorboard watch LOGDIR' });
    const { local, state } = await places.open(options);
    const warn = (message: string): void => options.log?.warn({}, message);
    const store = local === undefined || options.store === undefined ? undefined : { backend: local, path: options.store.path };
    await finishTidying({ state, local: store, trackers, warn, signal: options.signal, clock: options.clock });
    // A backfill needs none of it: it would take a third of the time to load.
    const { Watcher } = await import('./watcher.ts');
    return await new Watcher(local, state, unseen, options).run();
  } finally {
    await closeTrackers(trackers, options);
  }
}
