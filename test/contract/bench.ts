import { expect, it } from '@jest/globals';
import type { Backend, Handle, RunSource } from '../../src/contract/index.ts';
import { until as holds } from '../crash/watch-kill.ts';
import type { FaultKind } from '../support/fault.ts';
import { type Draft, GrowingRun } from '../support/parcels.ts';
import { type Ledger, newLedger, SmallDelivery } from '../support/small-delivery.ts';
import type { Harness, Target } from './harness.ts';
import { differences, expectedOf, readHeld } from './read-back.ts';

/** One case's target with all that was made over it; the case ends with everything closed and nothing to complain of. */
export class Bench implements AsyncDisposable {
  readonly harness: Harness;
  readonly target: Target;
  readonly #runs: GrowingRun[] = [];
  readonly #open = new Set<Backend>();

  constructor(harness: Harness, target: Target) {
    this.harness = harness;
    this.target = target;
  }

  run(path?: string): GrowingRun {
    return this.keep(new GrowingRun(path));
  }

  keep(run: GrowingRun): GrowingRun {
    this.#runs.push(run);
    return run;
  }

  async connect(): Promise<Backend> {
    const backend = await this.target.connect();
    this.#open.add(backend);
    return backend;
  }

  async close(backend: Backend): Promise<void> {
    if (this.#open.delete(backend)) await backend.close();
  }

  /** A process that opened a tracker run. */
  async delivery(source: RunSource, ledger: Ledger = newLedger(), backend?: Backend): Promise<SmallDelivery> {
    const delivery = new SmallDelivery(backend ?? (await this.connect()), ledger, source);
    await delivery.open();
    return delivery;
  }

  /** Delivers drafts of a run, and expects that exactly they are read back. */
  async mirror(run: GrowingRun, drafts: readonly Draft[]): Promise<SmallDelivery> {
    const delivery = await this.delivery(run.source());
    await delivery.deliver(drafts);
    await this.expectHeld(delivery, drafts);
    return delivery;
  }

  /** That the tracker run holds these drafts' points but for the refused ones, each once, and nothing else. */
  async expectHeld({ backend, ledger }: SmallDelivery, drafts: readonly Draft[]): Promise<void> {
    expect(ledger.handle).toBeDefined();
    const found = await readHeld(backend, ledger.handle as Handle);
    expect(differences(backend, expectedOf(backend, drafts, ledger.refusals), found).slice(0, 20)).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const backend of [...this.#open]) await this.close(backend);
    for (const run of this.#runs) run.remove();
    await this.target.close();
  }
}

/** A case; left out where the target can't do what it is about. */
export function contractCase(
  harness: Harness,
  name: string,
  work: (bench: Bench) => Promise<void>,
  { needs = [], when = true }: { readonly needs?: readonly FaultKind[]; readonly when?: boolean } = {},
): void {
  if (!when || needs.some((kind) => !harness.faults.includes(kind))) return;
  it(name, async () => {
    const target = await harness.start();
    let complaints: readonly string[] = [];
    {
      await using bench = new Bench(harness, target);
      await work(bench);
      complaints = target.complaints?.() ?? [];
    }
    expect(complaints).toEqual([]);
  });
}

/** Waits until something is so; fails where it never is. */
export async function until(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  if (!(await holds(condition))) throw new Error(`waited in vain: ${what}`);
}
