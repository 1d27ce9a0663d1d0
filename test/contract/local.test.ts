import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { LocalBackend } from '../../src/backends/local/index.ts';
import type { Backend, Handle, Outcome, Probe, ReadBackChunk, RunSource, TrackerParcel } from '../../src/contract/index.ts';
import { FaultQueue } from '../../src/testing/fault.ts';
import { lossy } from '../../src/testing/lossy-backend.ts';
import type { OwningBackend } from '../../src/testing/small-delivery.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { contractSuite } from './contract-suite.ts';

/** The local store in the shape of every other backend. */
class LocalAsBackend implements Backend, OwningBackend {
  readonly #local: LocalBackend;
  readonly #path: string;

  constructor(folder: string) {
    this.#path = join(folder, 'store.db');
    this.#local = new LocalBackend({ path: this.#path, mediaPath: join(folder, 'media') });
  }

  readonly describe = () => this.#local.describe();
  readonly filesOf = (run: RunSource['run']) => {
    const { files } = this.#local.positions(run);
    // A file that is asked for alone is the same as among all.
    for (const file of files) expect(this.#local.position(run, file.name)).toEqual(file);
    expect(this.#local.position(run, 'no file')).toBeUndefined();
    return files;
  };

  async probe(): Promise<Probe> {
    return { address: this.#path, version: undefined, clockSkewMs: undefined, notes: [] };
  }

  open(run: RunSource): Promise<Handle> {
    return this.#local.open(run);
  }

  send(parcels: readonly TrackerParcel[]): Promise<readonly Outcome[]> {
    return this.#local.send(parcels);
  }

  readBack(handle: Handle): AsyncIterable<ReadBackChunk> {
    return this.#local.readBack(handle);
  }

  async finish(): Promise<void> {}

  close(): Promise<void> {
    return this.#local.close();
  }
}

contractSuite('local', {
  addressing: 'position',
  // No answer is lost within a process: only its death hides one, and then the positions are asked.
  faults: ['rateLimited', 'unavailable', 'connectionLost', 'hang', 'hangStored'],
  hasOneWriter: true,
  hasFingerprints: false,
  async start() {
    const folder = temporaryFolder();
    const faults = new FaultQueue();
    return {
      connect: async () => lossy(new LocalAsBackend(folder), faults),
      fail: (fault, times) => faults.add(fault, times),
      faultsLeft: () => faults.left,
      close: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
});
