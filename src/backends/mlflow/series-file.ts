import { type Batch, type Json, jsonText, type Series } from '../../model/index.ts';
import { stopOf } from './answers.ts';
import type { Artifacts } from './artifacts.ts';
import { EXACT_FOLDER } from './exact-files.ts';

/** The artifact that lists a run's series. */
export const SERIES_FILE = `${EXACT_FOLDER}/series.json`;

/**
 * The metadata of each series (display name, description, data class, settings of its plugin), which its first value
 * brings and for which MLflow has no place. A run has one file with a line per series. mirrorboard writes it again
 * only if its content changes, so data that is sent again changes nothing.
 */
export class SeriesFile {
  readonly #artifacts: Artifacts;
  readonly #root: string;
  /** JSON texts by tag, as they are stored; undefined before the first look. */
  #stored: Map<string, string> | undefined;
  /** The last compared series of each tag: most often it comes again unchanged. */
  readonly #compared = new Map<string, Series>();

  /** `isNew`: the run holds nothing yet. */
  constructor(artifacts: Artifacts, root: string, isNew: boolean) {
    this.#artifacts = artifacts;
    this.#root = root;
    if (isNew) this.#stored = new Map();
  }

  /** Returns the file as it must be before points of a batch are stored; undefined if it is so already. */
  async with(batch: Batch, series: readonly Series[], signal: AbortSignal): Promise<Uint8Array | undefined> {
    const fresh = seriesIn(batch).flatMap((id) => {
      const found = series[id];
      return found === undefined || found.metadata.length === 0 || this.#compared.get(found.tag) === found ? [] : [found];
    });
    if (fresh.length === 0) return undefined;
    this.#stored ??= await this.#read(signal);
    let isChanged = false;
    for (const one of fresh) {
      const text = factsOf(one);
      isChanged ||= this.#stored.get(one.tag) !== text;
      this.#stored.set(one.tag, text);
      this.#compared.set(one.tag, one);
    }
    return isChanged
      ? Buffer.from(`{\n${[...this.#stored].map(([tag, text]) => `${JSON.stringify(tag)}:${text}`).join(',\n')}\n}\n`)
      : undefined;
  }

  /** Notes that the file was not stored after all: the next call reads it again. */
  doubt(): void {
    this.#stored = undefined;
    this.#compared.clear();
  }

  async #read(signal: AbortSignal): Promise<Map<string, string>> {
    const reply = await this.#artifacts.get(this.#root, SERIES_FILE, signal);
    if (reply.kind !== 'ok') {
      if (reply.cause === 'missing') return new Map();
      throw stopOf(reply);
    }
    try {
      const value: unknown = JSON.parse(reply.value.toString('utf8'));
      return new Map(Object.entries(value as Record<string, Json>).map(([tag, facts]) => [tag, jsonText(facts)]));
    } catch {
      // The file is not ours, so nothing of ours is lost.
      return new Map();
    }
  }
}

function factsOf({ plugin, dataClass, displayName, description, metadata }: Series): string {
  return jsonText({
    plugin,
    data_class: dataClass,
    ...(displayName === '' ? {} : { display_name: displayName }),
    ...(description === '' ? {} : { description }),
    metadata: Buffer.from(metadata).toString('base64'),
  });
}

/** Returns the numbers of all series that a batch has points of. */
function seriesIn({ scalars, objects }: Batch): readonly number[] {
  const ids = new Set(objects.map(({ series }) => series));
  let last = -1;
  for (let row = 0; row < scalars.count; row++) {
    const id = scalars.series[row] as number;
    if (id !== last) ids.add(id);
    last = id;
  }
  return [...ids];
}
