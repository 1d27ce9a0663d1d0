/** Creates and opens mirrorboard's own files that a backfill or a watch needs before it begins. */
import { dirname } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import type { ShardRule } from '../config/index.ts';
import { MirrorError } from '../errors.ts';
import { makeOwnFolder } from '../own-files/index.ts';
import type { Random } from '../random.ts';
import { StateFile, scheduleOf } from '../state/index.ts';
import type { FactLog } from '../status/index.ts';

/** Creates the folder of the store. Throws MB3001 when that fails. */
export function makeStoreFolder(storePath: string): void {
  try {
    makeOwnFolder(dirname(storePath));
  } catch (cause) {
    throw new MirrorError('MB3001', `creating the folder of ${storePath}`, {
      hint: 'Choose a store in a writable folder with --store.',
      cause,
    });
  }
}

interface StateOpening {
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  /** The rules with the shard whose runs the state covers. */
  readonly rules?: { readonly shard?: ShardRule | undefined } | undefined;
}

/**
 * Opens the state for writing, by default with the system's clock and randomness. A failed write is logged and
 * retried. Throws MB3107 for the state of another shard.
 */
export function openState(path: string, log: FactLog | undefined, { clock = systemClock, random, rules }: StateOpening = {}): StateFile {
  const state = StateFile.open(path, {
    now: () => clock.wallMs(),
    schedule: scheduleOf(clock),
    ...(random === undefined ? {} : { random }),
    onFailure: (error) => log?.warn({ code: error.code, reason: error.message, remedy: error.hint }, 'state not written, retrying'),
  });
  try {
    state.useShard(rules?.shard === undefined ? undefined : { ...rules.shard });
    return state;
  } catch (error) {
    state.close();
    throw error;
  }
}
