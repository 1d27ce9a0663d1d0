import { Worker } from 'node:worker_threads';
import type { DiscoverFact, DiscoverRequest, DiscoverSettings, SeenFile } from './protocol.ts';

/** Told at a time: a hundred thousand files at once would have to be held twice. */
const SEED_FILES = 2000;

/** The main thread's end of the discovery thread. */
export class DiscoverThread {
  readonly #worker: Worker;

  constructor(settings: DiscoverSettings, onFact: (fact: DiscoverFact) => void, onFailure: (error: unknown) => void) {
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: settings,
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    });
    this.#worker.on('message', onFact);
    this.#worker.on('error', onFailure);
  }

  /** Files that were read before: only what differs from them is told. Before `begin`. */
  seed(root: string, files: Iterable<SeenFile>): void {
    let some: SeenFile[] = [];
    for (const { run, name, size, stamp } of files) {
      some.push({ run, name, size, stamp });
      if (some.length < SEED_FILES) continue;
      this.#tell({ kind: 'seed', root, files: some });
      some = [];
    }
    this.#tell({ kind: 'seed', root, files: some });
  }

  begin(): void {
    this.#tell({ kind: 'begin' });
  }

  #tell(request: DiscoverRequest): void {
    this.#worker.postMessage(request);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
