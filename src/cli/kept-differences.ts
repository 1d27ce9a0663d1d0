import { type Json, type JsonObject, jsonText, keyOfRun, type RunRef } from '../model/index.ts';
import type { VerifyReport } from '../state/index.ts';
import type { Difference } from '../verify/compare/index.ts';
import { differenceJson } from './verification-json.ts';

/** The most differences of a lane that are kept, and the most bytes of them. */
const MOST_LINES = 1000;
const MOST_BYTES = 1024 * 1024;
/** The most runs that are kept with their number of differences; their names have the same limit of bytes. */
const MOST_RUNS = 10_000;
/** The most characters of a text: the values of a difference may be whole documents. */
const MOST_TEXT = 500;

/** The differences of a lane that the state keeps for pages: the first ones, and how many each run has. */
export class KeptDifferences {
  readonly #lines: Json[] = [];
  readonly #runs = new Map<string, { readonly run: RunRef; count: number }>();
  #bytes = 0;
  #runBytes = 0;
  #count = 0;

  add(difference: Difference, lane: string): void {
    this.#count++;
    const key = keyOfRun(difference.run);
    const known = this.#runs.get(key);
    if (known !== undefined) known.count++;
    else if (this.#runs.size < MOST_RUNS && this.#runBytes < MOST_BYTES) {
      this.#runBytes += key.length;
      this.#runs.set(key, { run: difference.run, count: 1 });
    }
    if (this.#lines.length >= MOST_LINES || this.#bytes >= MOST_BYTES) return;
    const line = shortened(differenceJson(difference, lane) as JsonObject);
    this.#bytes += jsonText(line).length;
    this.#lines.push(line);
  }

  report(totals: Json): VerifyReport {
    return {
      totals,
      differences: this.#lines,
      leftOut: this.#count - this.#lines.length,
      runs: [...this.#runs.values()]
        .sort((a, b) => b.count - a.count)
        .map(({ run, count }) => ({ root: run.root, run: run.path, differences: count })),
    };
  }
}

/** Cuts long texts, and says so. */
function shortened(line: JsonObject): Json {
  const isLong = (value: Json | undefined): value is string => typeof value === 'string' && value.length > MOST_TEXT;
  const cut = Object.keys(line).filter((key) => key !== 'root' && key !== 'run' && isLong(line[key]));
  if (cut.length === 0) return line;
  return { ...line, ...Object.fromEntries(cut.map((key) => [key, `${String(line[key]).slice(0, MOST_TEXT)}…`])), cut };
}
