/** Asks for curves: a few requests at a time, parsed in another thread, kept up to a number of bytes. */
import { bytesOf, type Curve } from '../../model/curve.ts';
import { runParts } from '../../model/request-parts.ts';
import { ApiProblem, apiUrl, send } from '../api/client.ts';
import { parseCurves } from './parse-curves.ts';
import { inTurn } from './request-queue.ts';

/** What of a series is asked for. */
export interface Variant {
  readonly tag: string;
  /** The most points, or buckets, of a curve. */
  readonly width: number;
  readonly shown: string;
  /** 0 is without smoothing. */
  readonly smoothing: number;
  readonly smoothX: 'step' | 'wall_time';
  /** The first and last step; undefined for all. */
  readonly from?: number;
  readonly to?: number;
}

/** A curve that was fetched. Undefined: the run has no such series. */
export interface Fetched {
  readonly curve: Curve | undefined;
  /** The number of changes that were known when it was asked for. */
  readonly asOf: number;
}

/** The most bytes of curves that are kept. */
const MOST_BYTES = 96 * 2 ** 20;
/** The most runs of a request: the first curves of many should not wait for the last ones. */
const RUNS_PER_REQUEST = 25;
/** What an entry takes besides its curve. */
const ENTRY_BYTES = 300;

/** Oldest first. */
const kept = new Map<string, Fetched>();
let keptBytes = 0;

/** Counts changes; the number of the last change of a run, and of all runs. */
let changes = 0;
const changedAt = new Map<string, number>();
let allChangedAt = 0;

/** Notes that runs have new points; undefined for all runs. */
export function noteChange(runs: readonly string[] | undefined): void {
  changes++;
  if (runs === undefined) allChangedAt = changes;
  else for (const run of runs) changedAt.set(run, changes);
}

/** Returns the text that stands for a variant. */
export function variantKey({ tag, width, shown, smoothing, smoothX, from, to }: Variant): string {
  return JSON.stringify([tag, width, shown, smoothing, smoothing > 0 ? smoothX : '', from ?? null, to ?? null]);
}

/** Returns a curve that was fetched before. */
export function keptCurve(run: string, key: string): Fetched | undefined {
  const name = `${run}\n${key}`;
  const found = kept.get(name);
  if (found === undefined) return undefined;
  kept.delete(name);
  kept.set(name, found);
  return found;
}

/** Tells if a run has not changed since a curve was asked for. */
export function isFresh(run: string, { asOf }: Fetched): boolean {
  return asOf >= allChangedAt && asOf >= (changedAt.get(run) ?? 0);
}

/** Fetches curves, in requests of a few runs each. Calls back with the curves of each answer. */
export async function fetchCurves(
  runs: readonly string[],
  variant: Variant,
  signal: AbortSignal,
  arrived: (curves: ReadonlyMap<string, Fetched>) => void,
): Promise<void> {
  const key = variantKey(variant);
  await Promise.all(
    runParts(runs, RUNS_PER_REQUEST).map(async (part) => {
      const answer = await inTurn(signal, async () => {
        const asOf = changes;
        const curves = await fetchPart(part, variant, signal);
        const byRun = new Map(curves.map((curve) => [curve.id, curve]));
        return new Map(part.map((run) => [run, { curve: byRun.get(run), asOf }]));
      });
      for (const [run, fetched] of answer) keep(`${run}\n${key}`, fetched);
      if (!signal.aborted) arrived(answer);
    }),
  );
}

/** True once the server has refused to smooth: it is an older one. */
let isWithoutSmoothing = false;

async function fetchPart(runs: readonly string[], variant: Variant, signal: AbortSignal): Promise<readonly Curve[]> {
  try {
    const response = await send(curvesUrl(runs, variant), { signal, cache: 'no-store' });
    return await parseCurves(await response.arrayBuffer());
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error;
    if (variant.smoothing > 0 && /\bsmooth(_x)?: no such parameter/.test(error.message)) {
      isWithoutSmoothing = true;
      return await fetchPart(runs, { ...variant, smoothing: 0 }, signal);
    }
    // A run that is gone must not take the others along.
    if (error.status !== 404) throw error;
    if (runs.length === 1) return [];
    let curves: readonly Curve[] = [];
    for (const run of runs) curves = curves.concat(await fetchPart([run], variant, signal));
    return curves;
  }
}

function curvesUrl(runs: readonly string[], { tag, width, shown, smoothing, smoothX, from, to }: Variant): string {
  const smooth = smoothing > 0 && !isWithoutSmoothing ? { smooth: smoothing, smooth_x: smoothX } : {};
  return apiUrl('/curves', { run: runs, tag, width, shown, from, to, limit: runs.length, ...smooth });
}

function keep(name: string, fetched: Fetched): void {
  const old = kept.get(name);
  if (old !== undefined) keptBytes -= bytesOfEntry(old);
  kept.delete(name);
  kept.set(name, fetched);
  keptBytes += bytesOfEntry(fetched);
  for (const [oldest, its] of kept) {
    if (keptBytes <= MOST_BYTES) break;
    kept.delete(oldest);
    keptBytes -= bytesOfEntry(its);
  }
}

function bytesOfEntry({ curve }: Fetched): number {
  return ENTRY_BYTES + (curve === undefined ? 0 : bytesOf(curve));
}
