// What a scrape of /metrics holds.

/** Values by the whole series as it is written: `name{label="value"}`. */
export function seriesIn(text: string): Map<string, number> {
  const series = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const at = line.lastIndexOf(' ');
    series.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return series;
}

/** Names of series without labels: those of a histogram have `_bucket`, `_sum` and `_count`. */
export function namesIn(text: string): Set<string> {
  return new Set([...seriesIn(text).keys()].map((series) => series.split('{', 1)[0] ?? ''));
}

/** Names of labels, with their values. */
export function labelsIn(text: string): Map<string, Set<string>> {
  const labels = new Map<string, Set<string>>();
  for (const series of seriesIn(text).keys()) {
    for (const [, name = '', value = ''] of series.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)) {
      labels.set(name, (labels.get(name) ?? new Set()).add(value));
    }
  }
  return labels;
}
