/** Asks for all runs of a filter, for what needs every name: groups, choosing by a regular expression, inverting. */
import type { Run, RunPage } from '../api/answers.ts';
import { get, type Params } from '../api/client.ts';
import type { Listing } from './run-list.ts';

const PAGE = 10_000;

/** Returns every run that the parameters select. */
export async function allRuns(params: Params, signal?: AbortSignal): Promise<readonly Run[]> {
  const runs: Run[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await get<RunPage>('/runs', { ...params, limit: PAGE, cursor }, signal);
    for (const run of page.runs) runs.push(run);
    if (page.next === null) return runs;
    cursor = page.next;
  }
}

/** Returns the ids of all runs of a listing. */
export async function allIds({ filter, visibility }: Listing, signal?: AbortSignal): Promise<readonly string[]> {
  return (await allRuns({ filter: filter.trim() === '' ? undefined : filter, visibility }, signal)).map(({ id }) => id);
}
