// Makes the plan of a history that fails smaller: leaves out what it fails without.
import type { Outcome } from './history.ts';
import type { Plan } from './plan.ts';

/** Histories that a shrinking may take. */
const MOST_RUNS = 80;

/** Returns the smallest plan that was found to fail, and what became of it. */
export async function shrink(plan: Plan, run: (plan: Plan) => Promise<Outcome>): Promise<Outcome> {
  let failing = await run(plan);
  let left = MOST_RUNS;
  for (let isSmaller = true; isSmaller && left > 0; ) {
    isSmaller = false;
    for (const smaller of smallerThan(failing.plan)) {
      if (left-- <= 0) break;
      const outcome = await run(smaller);
      if (outcome.bugs.length === 0) continue;
      failing = outcome;
      isSmaller = true;
      break;
    }
  }
  return failing;
}

/** Yields plans without one fault, lane, writer, or flush. */
function* smallerThan(plan: Plan): Generator<Plan, void, void> {
  const without = <Item>(items: readonly Item[], i: number): Item[] => items.filter((_, at) => at !== i);
  for (const i of plan.faults.keys()) yield { ...plan, faults: without(plan.faults, i) };
  if (plan.hasStore && plan.lanes.length > 0) yield { ...plan, hasStore: false };
  for (const [i, { name }] of plan.lanes.entries()) {
    if (plan.lanes.length + Number(plan.hasStore) < 2) continue;
    const faults = plan.faults.filter((fault) => !('lane' in fault) || fault.lane !== name);
    yield { ...plan, lanes: without(plan.lanes, i), faults };
  }
  for (const i of plan.writers.keys()) if (plan.writers.length > 1) yield { ...plan, writers: without(plan.writers, i) };
  for (const [i, writer] of plan.writers.entries()) {
    const { flushesMs } = writer;
    if (flushesMs.length < 2) continue;
    const fewer = (some: readonly number[]): Plan => ({ ...plan, writers: plan.writers.with(i, { ...writer, flushesMs: some }) });
    yield fewer(flushesMs.slice(0, flushesMs.length >> 1));
    yield fewer(flushesMs.slice(flushesMs.length >> 1));
  }
}
