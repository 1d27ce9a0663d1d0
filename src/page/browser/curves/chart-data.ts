/** The curves of one chart: what is missing or outdated is fetched while the chart is in view. */
import { signal } from '@preact/signals';
import { type Curve, spliceCurve, startOf } from '../../model/curve.ts';
import type { XAxis } from '../../model/plot.ts';
import type { Range } from '../../model/scales.ts';
import { type StepRange, stepRanges } from '../../model/step-ranges.ts';
import { isAbort } from '../api/client.ts';
import { type Fetched, fetchCurves, isFresh, keptCurve, type Variant, variantKey } from './curve-source.ts';

/** What a chart wants to show. */
export interface Wanted {
  readonly runs: readonly string[];
  readonly variant: Variant;
  readonly axis: XAxis;
  /** The visible part of the x axis; null for all. */
  readonly range: Range | null;
}

/** A curve as it is shown, and the smoothing that it has. */
export interface ShownCurve {
  readonly curve: Curve;
  /** The wall time that relative time counts from. */
  readonly start: number;
  readonly smoothing: number;
}

/** A wait between two looks at a run that grows, so that a chart is not drawn more often. */
const LEAST_MS = 1000;

/** Fetches the curves of a chart. */
export class ChartData {
  /** Counts up with everything that arrives. */
  readonly version = signal(0);
  readonly isLoading = signal(false);
  /** The last failure; undefined while all is well. */
  readonly failure = signal<unknown>(undefined);
  #wanted: Wanted | undefined;
  #key = '';
  #runs = '';
  /** The whole curve of each run, with the key of its variant; a newer one replaces it when it arrives. */
  readonly #whole = new Map<string, { readonly curve: Curve | undefined; readonly smoothing: number }>();
  /** The curves of the visible range. */
  #detail = new Map<string, Curve>();
  #stop: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastMs = 0;
  /** True if there were changes while curves were on their way. */
  #isOutdated = false;

  /** Says what to show; undefined while the chart is not in view. */
  want(wanted: Wanted | undefined): void {
    const key = wanted === undefined ? '' : JSON.stringify([variantKey(wanted.variant), wanted.axis, wanted.range]);
    const runs = wanted?.runs.join('\n') ?? '';
    if (key === this.#key && runs === this.#runs) return;
    const isOther = key !== this.#key;
    this.#wanted = wanted;
    this.#key = key;
    this.#runs = runs;
    if (isOther) {
      this.#stop?.abort();
      this.#stop = undefined;
      this.#detail = new Map();
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (wanted !== undefined) this.#start();
  }

  /** Looks for changes, at most once in a second. */
  look(): void {
    if (this.#wanted === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#start();
      },
      Math.max(0, this.#lastMs + LEAST_MS - performance.now()),
    );
  }

  /** Returns the curve of a run; undefined if there is none, or none yet. */
  curveOf(run: string): ShownCurve | undefined {
    const whole = this.#whole.get(run);
    if (whole?.curve === undefined) return undefined;
    const { curve, smoothing } = whole;
    const detail = this.#detail.get(run);
    return { curve: detail === undefined ? curve : splice(curve, detail), start: startOf(curve), smoothing };
  }

  /** The numbers of items that are drawn and of points that they stand for, over some runs. */
  counts(runs: readonly string[]): { readonly drawn: number; readonly points: number } {
    let [drawn, points] = [0, 0];
    for (const run of runs) {
      const shown = this.#detail.get(run) ?? this.#whole.get(run)?.curve;
      drawn += shown?.step.length ?? 0;
      points += shown?.count ?? 0;
    }
    return { drawn, points };
  }

  /** Ends all requests. */
  close(): void {
    this.want(undefined);
  }

  #start(): void {
    // What is on its way stays; what is wanted besides is asked for afterwards.
    if (this.#stop !== undefined) {
      this.#isOutdated = true;
      return;
    }
    this.#isOutdated = false;
    const stop = new AbortController();
    const wanted = this.#wanted;
    this.#stop = stop;
    void this.#run(stop.signal).finally(() => {
      if (this.#stop !== stop) return;
      this.#stop = undefined;
      this.isLoading.value = false;
      if (this.#wanted !== wanted) this.#start();
      else if (this.#isOutdated) this.look();
    });
  }

  async #run(stop: AbortSignal): Promise<void> {
    try {
      this.#lastMs = performance.now();
      await this.#fetchWhole(stop);
      await this.#fetchRange(stop);
      if (!stop.aborted) this.failure.value = undefined;
    } catch (error) {
      if (!isAbort(error) && !stop.aborted) this.failure.value = error;
    }
  }

  async #fetchWhole(stop: AbortSignal): Promise<void> {
    const wanted = this.#wanted;
    if (wanted === undefined) return;
    const { runs, variant } = wanted;
    const key = variantKey(variant);
    const take = (arrived: ReadonlyMap<string, Fetched>): void => {
      for (const [run, { curve }] of arrived) this.#whole.set(run, { curve, smoothing: variant.smoothing });
      this.version.value++;
    };
    const missing = runs.filter((run) => {
      const found = keptCurve(run, key);
      if (found !== undefined) this.#whole.set(run, { curve: found.curve, smoothing: variant.smoothing });
      return found === undefined || !isFresh(run, found);
    });
    if (missing.length < runs.length) this.version.value++;
    if (missing.length === 0) return;
    this.isLoading.value = true;
    await fetchCurves(missing, variant, stop, take);
  }

  /** The points of the visible part, where the whole curve came as buckets. */
  async #fetchRange(stop: AbortSignal): Promise<void> {
    const wanted = this.#wanted;
    if (wanted === undefined || wanted.range === null) return;
    const { runs, variant, axis, range } = wanted;
    const coarse = runs.flatMap((run) => {
      const curve = this.#whole.get(run)?.curve;
      return curve === undefined || curve.isExact ? [] : [curve];
    });
    const starts = new Map(coarse.map((curve) => [curve.id, startOf(curve)]));
    await Promise.all(stepRanges(coarse, axis, range, starts).map((part) => this.#fetchSteps(part, variant, stop)));
  }

  async #fetchSteps({ runs, from, to }: StepRange, whole: Variant, stop: AbortSignal): Promise<void> {
    const variant = { ...whole, from, to };
    const key = variantKey(variant);
    const take = (run: string, { curve }: Fetched): void => {
      if (curve !== undefined) this.#detail.set(run, curve);
    };
    const missing = runs.filter((run) => {
      const found = keptCurve(run, key);
      if (found !== undefined) take(run, found);
      return found === undefined || !isFresh(run, found);
    });
    if (missing.length < runs.length) this.version.value++;
    if (missing.length === 0) return;
    this.isLoading.value = true;
    await fetchCurves(missing, variant, stop, (arrived) => {
      for (const [run, fetched] of arrived) take(run, fetched);
      this.version.value++;
    });
  }
}

const spliced = new WeakMap<Curve, { readonly whole: Curve; readonly joined: Curve }>();

function splice(whole: Curve, detail: Curve): Curve {
  const known = spliced.get(detail);
  if (known?.whole === whole) return known.joined;
  const joined = spliceCurve(whole, detail);
  spliced.set(detail, { whole, joined });
  return joined;
}
