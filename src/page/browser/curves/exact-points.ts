/** All points of curves, for downloads and for the place of a point: never sampled. */
import type { CurveJson, ExactJson } from '../../model/curve.ts';
import { ApiProblem, get } from '../api/client.ts';

/** A curve with all its points. */
export interface ExactCurve extends CurveJson {
  readonly data: ExactJson;
}

interface Asked {
  readonly run: string;
  readonly tag: string;
  readonly shown: string;
  /** The steps; both are included. */
  readonly from?: number;
  readonly to?: number;
  /** True to also get the place of each point in the files. */
  readonly positions?: boolean;
}

/** The code of an answer that would be too large. */
const TOO_LARGE = 'MB5004';

/** Returns all points of a curve; undefined if the run has none. A large curve comes in several answers. */
export async function exactCurve(asked: Asked, stop?: AbortSignal): Promise<ExactCurve | undefined> {
  const { run, tag, shown, from, to, positions } = asked;
  try {
    const { curves } = await get<{ readonly curves: readonly CurveJson[] }>('/curves', { run, tag, shown, from, to, positions }, stop);
    const [curve] = curves;
    return curve !== undefined && isExact(curve) ? curve : undefined;
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.code !== TOO_LARGE) throw error;
    const [first, last] = [from, to].every((end) => end !== undefined) ? [from as number, to as number] : await stepsOf(asked, stop);
    if (first >= last) throw error;
    const middle = Math.floor(first + (last - first) / 2);
    const low = await exactCurve({ ...asked, from: first, to: middle }, stop);
    const high = await exactCurve({ ...asked, from: middle + 1, to: last }, stop);
    return low === undefined || high === undefined ? (low ?? high) : joined(low, high);
  }
}

/** Returns the smallest and largest step of a curve. */
async function stepsOf({ run, tag, shown }: Asked, stop?: AbortSignal): Promise<readonly [number, number]> {
  const { curves } = await get<{ readonly curves: readonly CurveJson[] }>('/curves', { run, tag, shown, width: 1000 }, stop);
  const data = curves[0]?.data;
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const steps of data === undefined ? [] : data.kind === 'exact' ? [data.step] : [data.first_step, data.last_step]) {
    for (const step of steps) {
      first = Math.min(first, Number(step));
      last = Math.max(last, Number(step));
    }
  }
  return [first, last];
}

function isExact(curve: CurveJson): curve is ExactCurve {
  return curve.data.kind === 'exact';
}

function joined(low: ExactCurve, high: ExactCurve): ExactCurve {
  const [a, b] = [low.data, high.data];
  const data = {
    kind: 'exact' as const,
    step: a.step.concat(b.step),
    wall_time: a.wall_time.concat(b.wall_time),
    value: a.value.concat(b.value),
  };
  return { ...low, count: low.count + high.count, data };
}
