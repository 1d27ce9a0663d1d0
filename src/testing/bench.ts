import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { steadyMs } from '../clock.ts';
import type { Backend, Handle, Outcome, RunSource } from '../contract/index.ts';
import type { CaseContext } from './case-context.ts';
import type { FaultKind } from './fault.ts';
import type { Harness, Target } from './harness.ts';
import { type Draft, GrowingRun } from './parcels.ts';
import { differences, expectedOf, readHeld } from './read-back.ts';
import { type Ledger, newLedger, SmallDelivery } from './small-delivery.ts';

/**
 * One case's target with all backends made over it. At the end of the case, it closes everything, and the target must
 * have no complaints.
 */
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

  /** Starts a process that opened a tracker run. */
  async delivery(source: RunSource, ledger: Ledger = newLedger(), backend?: Backend): Promise<SmallDelivery> {
    const delivery = new SmallDelivery(backend ?? (await this.connect()), ledger, source);
    await delivery.open();
    return delivery;
  }

  /** Delivers drafts of a run, and expects that exactly their points are read back. */
  async mirror(run: GrowingRun, drafts: readonly Draft[]): Promise<SmallDelivery> {
    const delivery = await this.delivery(run.source());
    await delivery.deliver(drafts);
    await this.expectHeld(delivery, drafts);
    return delivery;
  }

  /**
   * Checks that the tracker run holds the points of these drafts without the refused ones, each once, and nothing
   * else.
   */
  async expectHeld({ backend, ledger }: SmallDelivery, drafts: readonly Draft[]): Promise<void> {
    assert.notEqual(ledger.handle, undefined);
    const found = await readHeld(backend, ledger.handle as Handle);
    assert.deepEqual(differences(backend, expectedOf(backend, drafts, ledger.refusals), found).slice(0, 20), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const backend of [...this.#open]) await this.close(backend);
    for (const run of this.#runs) run.remove();
    await this.target.close();
  }
}

/** Registers a case; skips it if the target cannot do what it needs. */
export function contractCase(
  { harness, it }: CaseContext,
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
    assert.deepEqual(complaints, []);
  });
}

/** Checks that every outcome is of a kind, with an error of this code if one is given. Returns them. */
export function assertOutcomes(outcomes: readonly Outcome[], kind: Outcome['kind'], code?: RegExp): readonly Outcome[] {
  assert.ok(outcomes.length > 0, 'there is no outcome');
  for (const outcome of outcomes) {
    assert.equal(outcome.kind, kind);
    if (code !== undefined) assertError('error' in outcome ? outcome.error : undefined, code);
  }
  return outcomes;
}

/** Checks that mirrorboard shows an error, with such a code. */
export function assertError(error: unknown, code: RegExp): void {
  assert.match(String((error as { readonly code?: unknown } | undefined)?.code), code);
}

const PATIENCE_MS = 120_000;
const LOOK_MS = 20;

/** Waits until a condition is true; throws after two minutes. */
export async function until(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  for (const end = steadyMs() + PATIENCE_MS; !(await condition()); await setTimeout(LOOK_MS)) {
    if (steadyMs() > end) throw new Error(`waited in vain: ${what}`);
  }
}
