/** What the table of runs shows now: the listing that the view describes, and what changes it. */
import { batch, computed, effect, signal, untracked } from '@preact/signals';
import { columnsOf } from '../../model/columns.ts';
import { type GroupedRun, groupRule, regexOf } from '../../model/grouping.ts';
import type { Run } from '../api/answers.ts';
import { ApiProblem } from '../api/client.ts';
import { lanesNow, liveState, onChanges } from '../api/live.ts';
import { sayProblem } from '../shell/messages.tsx';
import { picked, runFilter, selectedRuns, selectedSet, selectRuns, shownVisibility, table } from '../state/view.ts';
import { allIds, allRuns } from './all-runs.ts';
import { groupRows, type Row } from './group-rows.ts';
import { type Listing, listingParams, RunList } from './run-list.ts';

/** The shown columns. */
export const columns = computed(() => columnsOf(table.value.columns));

const listing = computed<string>(() => {
  const shown = columns.value;
  const names = (kind: 'metric' | 'param'): readonly string[] => [
    ...new Set(shown.flatMap((one) => (one.kind === kind && one.name !== undefined ? [one.name] : []))),
  ];
  const { order, groupBy } = table.value;
  const params = new Set(names('param'));
  if (groupBy.startsWith('param:')) params.add(groupBy.slice('param:'.length));
  const wanted: Listing = {
    filter: runFilter.value,
    order,
    metrics: names('metric'),
    params: [...params],
    visibility: shownVisibility.value,
  };
  return JSON.stringify(wanted);
});

/** The listing that has answers. */
export const list = signal<RunList>(new RunList(JSON.parse(listing.peek()) as Listing));
/** What is wrong with the filter or the order; undefined if nothing is. */
export const listProblem = signal<ApiProblem | undefined>(undefined);
/** The groups that are closed. */
export const closedGroups = signal<ReadonlySet<string>>(new Set());
const groupedRuns = signal<readonly Run[]>([]);

/** The rule of the groups. */
export const rule = computed(() => groupRule(table.value.groupBy));

/** The rows of a table with groups; undefined without groups. */
export const groupedRows = computed<readonly Row[] | undefined>(() =>
  typeof rule.value === 'function'
    ? groupRows(groupedRuns.value, rule.value as (run: GroupedRun) => string, closedGroups.value)
    : undefined,
);

let isStarted = false;

/** Begins to fetch what the view describes. */
export function startRuns(): void {
  if (isStarted) return;
  isStarted = true;
  // The address may have been read after this module was.
  list.value = new RunList(JSON.parse(listing.peek()) as Listing);
  followListing();
  followChanges();
  followMatch();
}

/** Letters follow each other faster. */
const TYPING_MS = 120;
/** The server may come back. */
const RETRY_MS = 2000;

/** True if a request failed for a reason that may pass. */
function isNoAnswer(failure: unknown): boolean {
  return failure instanceof ApiProblem && (failure.status === 0 || failure.status >= 500);
}

function followListing(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let coming: RunList | undefined;
  let isFirst = true;
  effect(() => {
    const wanted = JSON.parse(listing.value) as Listing;
    clearTimeout(timer);
    const begin = (next: RunList): void => {
      coming?.close();
      coming = next;
      const ends = effect(() => {
        if (next.total.value === undefined && next.failure.value === undefined) return;
        untracked(() => {
          if (coming !== next) return;
          coming = undefined;
          if (isNoAnswer(next.failure.peek())) timer = setTimeout(() => begin(new RunList(next.listing)), RETRY_MS);
          else take(next);
        });
        queueMicrotask(() => ends());
      });
      next.show(0, 1);
    };
    if (isFirst) begin(list.peek());
    else timer = setTimeout(() => begin(new RunList(wanted)), TYPING_MS);
    isFirst = false;
  });
  effect(() => {
    const isGrouped = typeof rule.value === 'function';
    const { listing: shown, version } = list.value;
    version.value;
    if (!isGrouped) return;
    const controller = new AbortController();
    const later = setTimeout(() => {
      allRuns(listingParams(shown), controller.signal).then((runs) => {
        groupedRuns.value = runs;
      }, sayProblem);
    }, TYPING_MS);
    return () => {
      clearTimeout(later);
      controller.abort();
    };
  });
}

/** Shows a listing that has an answer. A wrong filter leaves the rows as they are. */
function take(next: RunList): void {
  const failure = next.failure.peek();
  if (failure instanceof ApiProblem) {
    listProblem.value = failure;
    return;
  }
  batch(() => {
    if (list.peek() !== next) list.peek().close();
    listProblem.value = undefined;
    list.value = next;
  });
}

/** The rows are fetched again this often at most; the first change is shown at once. */
const EACH_MS = 400;

function followChanges(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lastMs = Number.NEGATIVE_INFINITY;
  const refreshSoon = (): void => {
    if (timer !== undefined) return;
    const waitMs = Math.max(0, lastMs + EACH_MS - performance.now());
    timer = setTimeout(() => {
      timer = undefined;
      lastMs = performance.now();
      list.peek().refresh();
    }, waitMs);
  };
  onChanges(refreshSoon);
  let stateBefore = liveState.peek();
  effect(() => {
    // What failed meanwhile is asked again.
    if (stateBefore === 'lost' && liveState.value !== 'lost') refreshSoon();
    stateBefore = liveState.value;
  });
  let before: string | undefined;
  effect(() => {
    // The badges of runs change with what the lanes hold, not with their times.
    const now = lanesNow.value?.map((lane) => [lane.name, lane.state, lane.points, lane.refused, lane.verified_at].join()).join('\n');
    if (before !== undefined && now !== before) refreshSoon();
    before = now;
  });
}

/** A run that matches and does not meet the filter may change all the time: the runs are listed this often at most. */
const MATCH_MS = 1000;

function followMatch(): void {
  const version = signal(0);
  let timer: ReturnType<typeof setTimeout> | undefined;
  onChanges(({ all, runs }) => {
    const choice = picked.peek();
    const regex = choice.kind === 'match' ? regexOf(choice.regex) : undefined;
    if (!(regex instanceof RegExp)) return;
    const known = selectedSet.peek();
    if (timer !== undefined || !(all || runs.some(({ id }) => regex.test(id) && !known.has(id)))) return;
    timer = setTimeout(() => {
      timer = undefined;
      version.value++;
    }, MATCH_MS);
  });
  effect(() => {
    const choice = picked.value;
    // That of the rows: what is typed may be half a filter.
    const shown = list.value.listing;
    version.value;
    if (choice.kind !== 'match') return;
    const regex = regexOf(choice.regex);
    if (!(regex instanceof RegExp)) return;
    const controller = new AbortController();
    allIds(shown, controller.signal).then((ids) => {
      selectedRuns.value = ids.filter((id) => regex.test(id));
    }, sayProblem);
    return () => controller.abort();
  });
}

/** Chooses the runs of the filter that are not chosen, and no others. */
export async function invertSelection(): Promise<void> {
  const before = new Set(selectedRuns.peek());
  try {
    selectRuns((await allIds(list.peek().listing)).filter((id) => !before.has(id)));
  } catch (error) {
    sayProblem(error);
  }
}

/** Chooses all runs of the filter. */
export function selectAll(): void {
  picked.value = { kind: 'match', regex: '' };
}

/** Chooses the runs of the filter whose id matches a regular expression. */
export function selectMatching(regex: string): void {
  picked.value = { kind: 'match', regex };
}
