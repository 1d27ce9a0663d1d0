/** Asks for values that are no scalars, while they are in view. */
import { type ReadonlySignal, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ValueJson } from '../../model/media-values.ts';
import { hasTagFilter, runParts } from '../../model/request-parts.ts';
import type { RunPage } from '../api/answers.ts';
import { ApiProblem, get, isAbort } from '../api/client.ts';
import { onChanges } from '../api/live.ts';
import { inTurn } from '../curves/request-queue.ts';
import { chartSettings } from '../state/view.ts';

/** The values of runs, as far as they are known. */
export interface RunValues {
  readonly runs: ReadonlyMap<string, readonly ValueJson[]>;
  readonly isLoading: boolean;
  readonly failure: unknown;
}

/** A wait before changed runs are read again. */
const AGAIN_MS = 2000;
const NOTHING: RunValues = { runs: new Map(), isLoading: true, failure: undefined };

/** Returns the last values of a tag in some runs. They are fetched while `isInView`, and again after changes. */
export function useValues(tag: string, runs: readonly string[], isInView: boolean, limit: number): ReadonlySignal<RunValues> {
  const found = useSignal<RunValues>(NOTHING);
  const again = useSignal(0);
  const wanted = useSignal<readonly string[]>([]);
  const now = isInView ? runs : [];
  if (now.join('\n') !== wanted.peek().join('\n')) wanted.value = now;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ends = onChanges(({ all, runs: changed }) => {
      if (timer !== undefined || !(all || changed.some(({ id }) => wanted.peek().includes(id)))) return;
      timer = setTimeout(() => {
        timer = undefined;
        again.value++;
      }, AGAIN_MS);
    });
    return () => {
      ends();
      clearTimeout(timer);
    };
  }, []);
  useSignalEffect(() => {
    again.value;
    const [asked, { shown }] = [wanted.value, chartSettings.value];
    if (asked.length === 0) return;
    const stop = new AbortController();
    const all = new Map(found.peek().runs);
    const having = inTurn(stop.signal, () => runsWith(tag, asked, stop.signal));
    const ask = async (run: string): Promise<void> => {
      all.set(run, await inTurn(stop.signal, () => valuesOf(run, tag, shown, limit, stop.signal)));
      if (!stop.signal.aborted) found.value = { runs: new Map(all), isLoading: true, failure: undefined };
    };
    having
      .then((runs) => Promise.all(runs.map(ask)))
      .then(
        () => {
          if (!stop.signal.aborted) found.value = { ...found.peek(), isLoading: false, failure: undefined };
        },
        (failure: unknown) => {
          if (!isAbort(failure) && !stop.signal.aborted) found.value = { ...found.peek(), isLoading: false, failure };
        },
      );
    return () => stop.abort();
  });
  return found;
}

/** The most runs of a question which of them have a tag. */
const RUNS_PER_REQUEST = 200;

/** Returns the runs that have a tag, as far as a filter can say it: most tags are in few runs. */
async function runsWith(tag: string, runs: readonly string[], stop: AbortSignal): Promise<readonly string[]> {
  const filter = hasTagFilter(tag);
  if (filter === undefined || runs.length <= 1) return runs;
  const having = new Set<string>();
  for (const part of runParts(runs, RUNS_PER_REQUEST)) {
    const page = await get<RunPage>('/runs', { run: part, filter, limit: part.length }, stop);
    for (const { id } of page.runs) having.add(id);
  }
  return runs.filter((run) => having.has(run));
}

async function valuesOf(run: string, tag: string, shown: string, limit: number, stop: AbortSignal): Promise<readonly ValueJson[]> {
  try {
    return (await get<{ readonly values: readonly ValueJson[] }>('/values', { run, tag, shown, limit }, stop)).values;
  } catch (error) {
    // Most tags are not in every run.
    if (error instanceof ApiProblem && error.status === 404) return [];
    throw error;
  }
}
