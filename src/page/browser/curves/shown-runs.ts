/** The runs whose curves are shown: the chosen ones, or the newest of the filter if none is. */
import { computed, effect, signal } from '@preact/signals';
import { groupRule } from '../../model/grouping.ts';
import { runParts, shortNames } from '../../model/request-parts.ts';
import type { Run, RunPage, Tag } from '../api/answers.ts';
import { get, isAbort } from '../api/client.ts';
import { onChanges } from '../api/live.ts';
import { sayProblem } from '../shell/messages.tsx';
import { chartSettings, picked, runFilter, selectedRuns, shownVisibility } from '../state/view.ts';

/** The runs that are shown while none is chosen. */
const NEWEST = 10;
/** The most runs in charts: more lines nobody can tell apart, and each costs a request. */
export const MOST_RUNS = 300;
const RUNS_PER_REQUEST = 100;
/** A wait before tags and newest runs are read again. */
const AGAIN_MS = 2000;

const newest = signal<readonly string[] | undefined>(undefined);

/** True if the runs were not chosen. */
export const isNewest = computed(() => picked.value.kind === 'none');
/** The runs in the charts; undefined while they are not known. */
export const shownRuns = computed<readonly string[] | undefined>(() => {
  const runs = isNewest.value ? newest.value : selectedRuns.value;
  return runs !== undefined && runs.length > MOST_RUNS ? runs.slice(0, MOST_RUNS) : runs;
});
/** Their names without the folders that all are in. */
export const runNames = computed(() => shortNames(shownRuns.value ?? []));

/** The tags of the runs; undefined while they are not known. */
export const shownTags = signal<readonly Tag[] | undefined>(undefined);

/** The params of the runs by which they are grouped. */
const params = signal<ReadonlyMap<string, Readonly<Record<string, unknown>>>>(new Map());

/** The groups of the runs by label; undefined if there are no groups. */
export const runGroups = computed<ReadonlyMap<string, readonly string[]> | undefined>(() => {
  const rule = groupRule(chartSettings.value.groupBy);
  if (typeof rule !== 'function') return undefined;
  const groups = new Map<string, string[]>();
  for (const id of shownRuns.value ?? []) {
    const label = rule({ id, params: params.value.get(id) ?? {} });
    const group = groups.get(label);
    if (group === undefined) groups.set(label, [id]);
    else group.push(id);
  }
  return groups;
});

const groupParam = computed(() => {
  const { groupBy } = chartSettings.value;
  return groupBy.startsWith('param:') ? groupBy.slice('param:'.length) : undefined;
});

let isStarted = false;

/** Begins to look for the runs and their tags. */
export function followShownRuns(): void {
  if (isStarted) return;
  isStarted = true;
  const again = signal(0);
  let isWaiting = false;
  onChanges(() => {
    if (isWaiting) return;
    isWaiting = true;
    setTimeout(() => {
      isWaiting = false;
      again.value++;
    }, AGAIN_MS);
  });
  asking(async (stop) => {
    again.value;
    const filter = runFilter.value.trim();
    if (!isNewest.value) return;
    const { runs } = await get<RunPage>(
      '/runs',
      { filter: filter || undefined, visibility: shownVisibility.value, order: '-last_wall_time', limit: NEWEST },
      stop,
    );
    const ids = runs.map(({ id }) => id);
    if (ids.join('\n') !== newest.peek()?.join('\n')) newest.value = ids;
  });
  asking(async (stop) => {
    again.value;
    const runs = shownRuns.value;
    if (runs === undefined) return;
    const tags = await tagsOf(runs, stop);
    if (JSON.stringify(tags) !== JSON.stringify(shownTags.peek())) shownTags.value = tags;
  });
  asking(async (stop) => {
    const [name, runs] = [groupParam.value, shownRuns.value];
    if (name === undefined || runs === undefined) return;
    const found = new Map<string, Run['params']>();
    for (const part of runParts(runs, RUNS_PER_REQUEST)) {
      const page = await get<RunPage>('/runs', { run: part, param: [name], limit: part.length }, stop);
      for (const run of page.runs) found.set(run.id, run.params);
    }
    params.value = found;
  });
}

/** Asks again whenever what it reads before its first wait changes. */
function asking(ask: (stop: AbortSignal) => Promise<void>): void {
  effect(() => {
    const stop = new AbortController();
    ask(stop.signal).catch((error: unknown) => {
      if (!isAbort(error) && !stop.signal.aborted) sayProblem(error);
    });
    return () => stop.abort();
  });
}

async function tagsOf(runs: readonly string[], stop: AbortSignal): Promise<readonly Tag[]> {
  const tags = new Map<string, Tag>();
  for (const part of runParts(runs, RUNS_PER_REQUEST)) {
    const answer = await get<{ readonly tags: readonly Tag[] }>('/tags', { run: part }, stop);
    for (const tag of answer.tags) {
      const key = JSON.stringify([tag.tag, tag.plugin]);
      const known = tags.get(key);
      tags.set(key, known === undefined ? tag : { ...tag, runs: known.runs + tag.runs, points: known.points + tag.points });
    }
  }
  return [...tags.values()];
}
