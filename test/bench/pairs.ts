// The order of measurements: machines are noisy and drift, so both sides of a comparison take turns in one run.
import { type Format, spread, type Target, times } from './figures.ts';
import type { Row } from './table.ts';

/** Runs both once to warm up (disk cache, compiled code), then A B A B …; the answers of each pair belong together. */
export async function interleave<A, B>(pairs: number, a: () => Promise<A>, b: () => Promise<B>): Promise<readonly (readonly [A, B])[]> {
  await a();
  await b();
  const measured: (readonly [A, B])[] = [];
  for (let i = 0; i < pairs; i++) measured.push([await a(), await b()]);
  return measured;
}

/** The same for one side alone, where there is nothing to compare with. */
export async function repeat<A>(times: number, a: () => Promise<A>): Promise<readonly A[]> {
  await a();
  const measured: A[] = [];
  for (let i = 0; i < times; i++) measured.push(await a());
  return measured;
}

/** Returns rows of a comparison: one figure of both sides, and the ratio of the first to the second. */
export function ratioRows<One>(
  measured: readonly (readonly [One, One])[],
): (what: string, format: Format, of: (one: One) => number, target?: Target) => Row {
  return (what, format, of, target) => ({
    what,
    ours: format(spread(measured.map(([a]) => of(a))).median),
    reference: format(spread(measured.map(([, b]) => of(b))).median),
    figure: spread(measured.map(([a, b]) => of(a) / of(b))),
    format: times,
    ...(target === undefined ? {} : { target }),
  });
}
