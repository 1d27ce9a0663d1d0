/** Hyperparameters and metrics of runs: as parallel coordinates, and as a table. */
import { signal, useComputed, useSignal, useSignalEffect } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import { exactText } from '../../model/exact-number.ts';
import type { AxisValue } from '../../model/parallel-axes.ts';
import { runParts } from '../../model/request-parts.ts';
import { asNumber } from '../../model/short-text.ts';
import { visibleText } from '../../model/visible-text.ts';
import type { Run, RunPage, Visibility } from '../api/answers.ts';
import { get, isAbort } from '../api/client.ts';
import { onChanges } from '../api/live.ts';
import { highlighted } from '../curves/curves-state.ts';
import { isNewest, shownRuns, shownTags } from '../curves/shown-runs.ts';
import { sayProblem } from '../shell/messages.tsx';
import { runFilter, selectRuns, shownVisibility } from '../state/view.ts';
import { HparamTable } from './hparam-table.tsx';
import { ParallelCoordinates } from './parallel-coordinates.tsx';

/** A run with a value in each column. */
export interface HparamRun {
  readonly id: string;
  readonly values: Readonly<Record<string, AxisValue>>;
}

/** A column: a param, or the last value of a metric. */
export interface HparamColumn {
  /** `param:NAME` or `metric:TAG`. */
  readonly key: string;
  readonly name: string;
  readonly isMetric: boolean;
}

/** The most runs of a table. */
const MOST_RUNS = 1000;
const RUNS_PER_REQUEST = 200;
/** The metrics that are columns at first. */
const FIRST_METRICS = 2;
const AGAIN_MS = 5000;

/** The chosen metrics; undefined for the first ones. */
const chosenMetrics = signal<readonly string[] | undefined>(undefined);
/** The range of each axis that runs must be in, as shares of the axis. */
export const ranges = signal<ReadonlyMap<string, readonly [number, number]>>(new Map());

interface ParamRun {
  readonly id: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** The view of hyperparameters. */
export function Hparams(): VNode {
  const again = useSignal(0);
  const found = useSignal<readonly ParamRun[] | undefined>(undefined);
  const metrics = useSignal<ReadonlyMap<string, Run['metrics']>>(new Map());
  const scalars = useComputed(() => (shownTags.value ?? []).filter(({ plugin }) => plugin === 'scalars').map(({ tag }) => tag));
  const wanted = useComputed(() => chosenMetrics.value ?? preferred(scalars.value));
  useEffect(() => {
    let isWaiting = false;
    return onChanges(() => {
      if (isWaiting) return;
      isWaiting = true;
      setTimeout(() => {
        isWaiting = false;
        again.value++;
      }, AGAIN_MS);
    });
  }, []);
  useSignalEffect(() => {
    again.value;
    const select = isNewest.value
      ? { filter: runFilter.value.trim() || undefined, visibility: shownVisibility.value }
      : { run: shownRuns.value ?? [] };
    return asked(async (stop) => {
      found.value = await paramsOf(select, stop);
    });
  });
  useSignalEffect(() => {
    const [runs, names] = [found.value?.map(({ id }) => id) ?? [], wanted.value];
    if (names.length === 0 || runs.length === 0) return;
    return asked(async (stop) => {
      metrics.value = await metricsOf(runs, names, stop);
    });
  });
  const columns = useComputed<readonly HparamColumn[]>(() => {
    const names = new Set((found.value ?? []).flatMap(({ params }) => Object.keys(params)));
    return [
      ...[...names].sort().map((name) => ({ key: `param:${name}`, name, isMetric: false })),
      ...wanted.value.map((name) => ({ key: `metric:${name}`, name, isMetric: true })),
    ];
  });
  const rows = useComputed<readonly HparamRun[]>(() =>
    (found.value ?? []).map(({ id, params }) => ({
      id,
      values: Object.fromEntries([
        ...Object.entries(params).map(([name, value]) => [`param:${name}`, axisValue(value)]),
        ...wanted.value.map((tag) => {
          const last = metrics.value.get(id)?.[tag]?.last;
          return [`metric:${tag}`, last === undefined || last === null ? undefined : asNumber(last)];
        }),
      ]) as Readonly<Record<string, AxisValue>>,
    })),
  );
  if (found.value === undefined) return <p class="note">Loading…</p>;
  if (found.value.length === 0) return <p class="note">These runs have no hyperparameters.</p>;
  return (
    <section class="hparams" aria-label="Hyperparameters" onMouseLeave={() => (highlighted.value = null)}>
      <div class="hparam-tools">
        <label>
          Metrics{' '}
          <select
            value=""
            onChange={(event) => {
              const tag = event.currentTarget.value;
              if (tag !== '') chosenMetrics.value = toggled(wanted.peek(), tag);
              event.currentTarget.value = '';
            }}
          >
            <option value="">{wanted.value.length} shown: choose…</option>
            {scalars.value.map((tag) => (
              <option key={tag} value={tag}>
                {wanted.value.includes(tag) ? '✓ ' : ''}
                {visibleText(tag)}
              </option>
            ))}
          </select>
        </label>
        {ranges.value.size > 0 ? (
          <button type="button" onClick={() => (ranges.value = new Map())}>
            Clear ranges
          </button>
        ) : null}
        <span class="muted">Drag along an axis to keep only the runs in that range. A click on it clears it.</span>
      </div>
      <ParallelCoordinates columns={columns.value} runs={rows.value} choose={(ids) => selectRuns(ids)} />
      <HparamTable columns={columns.value} runs={rows.value} />
    </section>
  );
}

/** Runs something that can be stopped; returns what stops it. */
function asked(work: (stop: AbortSignal) => Promise<void>): () => void {
  const stop = new AbortController();
  work(stop.signal).catch((error: unknown) => {
    if (!isAbort(error) && !stop.signal.aborted) sayProblem(error);
  });
  return () => stop.abort();
}

/** Metrics of validation say more than those of training. */
function preferred(tags: readonly string[]): readonly string[] {
  const good = tags.filter((tag) => /(?:^|[/_ ])(?:val|valid|validation|test|eval)/i.test(tag));
  return [...good, ...tags.filter((tag) => !good.includes(tag))].slice(0, FIRST_METRICS);
}

function toggled(list: readonly string[], item: string): readonly string[] {
  return list.includes(item) ? list.filter((each) => each !== item) : [...list, item];
}

function axisValue(value: unknown): AxisValue {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? undefined : JSON.stringify(value);
}

/** Runs by name, or all that the lists show. */
type Select = { readonly run: readonly string[] } | { readonly filter: string | undefined; readonly visibility: readonly Visibility[] };

/** Returns runs with their params. Runs without params are left out. */
async function paramsOf(select: Select, stop: AbortSignal): Promise<readonly ParamRun[]> {
  const parts = 'run' in select ? runParts(select.run, RUNS_PER_REQUEST).map((run) => ({ run })) : [select];
  const all: ParamRun[] = [];
  for (const part of parts) {
    const page = await get<{ readonly runs: readonly ParamRun[] }>('/hparams', { ...part, limit: MOST_RUNS }, stop);
    for (const run of page.runs) if (Object.keys(run.params).length > 0) all.push(run);
  }
  return all;
}

async function metricsOf(
  runs: readonly string[],
  names: readonly string[],
  stop: AbortSignal,
): Promise<ReadonlyMap<string, Run['metrics']>> {
  const all = new Map<string, Run['metrics']>();
  for (const part of runParts(runs, RUNS_PER_REQUEST)) {
    const page = await get<RunPage>('/runs', { run: part, metric: names, limit: part.length }, stop);
    for (const run of page.runs) all.set(run.id, run.metrics);
  }
  return all;
}

/** Writes a value of a column with all its digits. */
export function hparamText(value: AxisValue): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'number' ? exactText(value) : visibleText(String(value));
}
