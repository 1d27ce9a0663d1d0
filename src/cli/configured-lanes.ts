import { resolve } from 'node:path';
import type { ConfiguredLane } from '../api/index.ts';
import type { Config } from '../config/index.ts';
import type { TrackerLaneOptions } from '../lanes/index.ts';
import { trackersOf } from './chosen-trackers.ts';

/**
 * The lanes of a configuration, with the pages of their runs. Only a backend knows these: it is created when a
 * request asks, and sends none itself.
 */
export class ConfiguredLanes {
  readonly #config: Config;
  readonly #env: NodeJS.ProcessEnv;
  readonly #onFailure: (error: unknown) => void;
  #lanes: Promise<readonly ConfiguredLane[] | undefined> | undefined;
  #trackers: readonly TrackerLaneOptions[] = [];

  constructor(config: Config, env: NodeJS.ProcessEnv, onFailure: (error: unknown) => void) {
    this.#config = config;
    this.#env = env;
    this.#onFailure = onFailure;
  }

  /** Returns the lanes; undefined if they cannot be made here, for example without a secret that they need. */
  lanes(): Promise<readonly ConfiguredLane[] | undefined> {
    this.#lanes ??= this.#made();
    return this.#lanes;
  }

  async close(): Promise<void> {
    await this.#lanes;
    if (this.#trackers.length > 0) await (await import('../lanes/index.ts')).closeLanes(this.#trackers);
  }

  async #made(): Promise<readonly ConfiguredLane[] | undefined> {
    try {
      const names = this.#config.lanes.trackers.map(({ name }) => name);
      this.#trackers = await trackersOf(this.#config, this.#env, names, () => undefined);
      return configuredLanes(this.#config, this.#trackers);
    } catch (error) {
      this.#onFailure(error);
      return undefined;
    }
  }
}

/** Returns the lanes of a configuration, with the pages that backends know. */
export function configuredLanes({ lanes: { local } }: Config, trackers: readonly TrackerLaneOptions[]): ConfiguredLane[] {
  return [
    ...(local === undefined ? [] : [{ name: 'local', target: resolve(local.path) }]),
    ...trackers.map(({ name, target, backend }): ConfiguredLane => ({ name, target, linkOf: (handle) => backend.link?.(handle) })),
  ];
}
