/** Upgrades the local store before a pass or a watch opens it, and reports how far it is. */
import { upgradeStore } from '../backends/local/index.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { FactLog } from '../status/index.ts';

/** How far an upgrade of the local store is. */
export interface StoreUpgrade {
  readonly path: string;
  readonly runs: number;
  readonly of: number;
}

const REPORT_MS = 2000;

/** Upgrades a store of an earlier version. Throws the signal's reason after it is aborted; the next call continues. */
export async function upgraded(path: string, { log, onUpgrade, clock = systemClock, signal }: UpgradeOptions): Promise<void> {
  let nextMs = 0;
  await upgradeStore(path, {
    signal,
    onProgress: ({ runs, of }) => {
      if (clock.steadyMs() < nextMs && runs < of) return;
      nextMs = clock.steadyMs() + REPORT_MS;
      onUpgrade?.({ path, runs, of });
      log?.info({ store: path, runs, of }, 'upgrading the store');
    },
  });
}

interface UpgradeOptions {
  readonly log?: FactLog | undefined;
  readonly onUpgrade?: ((progress: StoreUpgrade) => void) | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}
