/**
 * Returns the one of `names` that `typed` probably means, or undefined. A name written in another style (`mediaPath`,
 * `MEDIA-PATH`) is always found. Otherwise up to a third of the letters may be wrong, or `typed` is a word of only
 * one name (`interval` of `scan-interval`).
 */
export function closestName(typed: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  const seen = plain(typed);
  const having: string[] = [];
  for (const name of names) {
    if (seen.length >= LEAST_WORD && name.toLowerCase().split(BETWEEN).includes(seen)) having.push(name);
    const wanted = plain(name);
    // The lengths alone can show that the distance is too large, even if the typed text is very long.
    const most = Math.max(1, Math.floor(Math.max(wanted.length, 3) / 3));
    if (Math.abs(seen.length - wanted.length) > most) continue;
    const distance = editDistance(seen, wanted);
    if (distance <= most && distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best ?? (having.length === 1 ? having[0] : undefined);
}

const LEAST_WORD = 3;
const BETWEEN = /[-_ ]+/;

/** Returns `; did you mean …?`, or an empty text. */
export function suggestion(typed: string, names: Iterable<string>): string {
  const name = closestName(typed, names);
  return name === undefined ? '' : `; did you mean ${name}?`;
}

function plain(name: string): string {
  return name.replace(/[-_ ]/g, '').toLowerCase();
}

/** Counts the letters that were inserted, left out, replaced, or swapped with their neighbour. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(at(previous, j) + 1, at(row, j - 1) + 1, replaced);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, at(beforePrevious, j - 2) + 1);
      row.push(least);
    }
    beforePrevious = previous;
    previous = row;
  }
  return at(previous, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
