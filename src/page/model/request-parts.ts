/** Divides a question about many runs into requests: a path has some thousand signs at most. Pure. */

/** The most signs of the runs of one request, in the form of a query. */
const MOST_SIGNS = 6000;

/** Returns runs in parts of at most `most`, whose names fit into the path of a request. */
export function runParts(runs: readonly string[], most: number): readonly (readonly string[])[] {
  const parts: string[][] = [];
  let signs = Number.POSITIVE_INFINITY;
  for (const run of runs) {
    const own = encodeURIComponent(run.toWellFormed()).length + '&run='.length;
    const last = parts.at(-1);
    if (last === undefined || last.length >= most || signs + own > MOST_SIGNS) {
      parts.push([run]);
      signs = own;
    } else {
      last.push(run);
      signs += own;
    }
  }
  return parts;
}

/** Returns short names for runs: without the folders that all of them are in. */
export function shortNames(ids: readonly string[]): ReadonlyMap<string, string> {
  const [first = '', ...rest] = ids;
  let folders = first.split('/').slice(0, -1);
  for (const id of rest) {
    const own = id.split('/');
    const same = folders.findIndex((folder, i) => folder !== own[i] || i >= own.length - 1);
    if (same >= 0) folders = folders.slice(0, same);
  }
  const cut = folders.reduce((sum, folder) => sum + folder.length + 1, 0);
  return new Map(ids.map((id) => [id, id.slice(cut)]));
}

/** A longer filter is refused. */
const MOST_FILTER = 4000;

/**
 * Returns the filter of runs that have a tag; undefined if no filter can say it. It may let more runs through: a `*` in
 * a tag stands for any text.
 */
export function hasTagFilter(tag: string): string | undefined {
  const filter = `has:"${tag.toWellFormed().replaceAll('"', '?')}"`;
  return tag === '' || filter.length > MOST_FILTER ? undefined : filter;
}
