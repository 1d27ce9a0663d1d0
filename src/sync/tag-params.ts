/**
 * Finds params that are in the event files themselves, as the text of a tag: in new points, and in what was sent
 * before the configuration asked for params.
 */

import { MOST_TEXT_BYTES, type ParamRule, textStamp } from '../artifacts/index.ts';
import { interpret, type Series, sha256Of } from '../model/index.ts';
import { Pattern } from '../pattern/index.ts';
import type { CachedBatch } from '../reading/index.ts';
import type { ParamText } from './param-text.ts';
import type { SyncedSource } from './synced-run.ts';

interface Compiled {
  readonly prefix: string;
  readonly patterns: readonly Pattern[];
}

/** Finds params in the texts of tags. */
export class TagParams {
  readonly #rules: readonly Compiled[];
  /** The rules that match each series of one catalogue. Each reader numbers its series itself. */
  readonly #known = new WeakMap<readonly Series[], (readonly Compiled[])[]>();

  constructor(rules: readonly ParamRule[]) {
    this.#rules = rules.flatMap(({ tags, prefix }) =>
      tags.length === 0 ? [] : [{ prefix, patterns: tags.map((glob) => new Pattern(glob)) }],
    );
  }

  /** True if the rules want any text. */
  get isOn(): boolean {
    return this.#rules.length > 0;
  }

  /** Returns the texts of a run's series that the rules want, each with its path and rule. */
  wantedOf(source: SyncedSource, series: readonly Series[]): readonly { readonly path: string; readonly rule: string }[] {
    return series.flatMap(({ tag, plugin }) =>
      this.#about(tag, plugin).map(({ prefix }) => ({ path: source.pathOf(tag), rule: ruleText(prefix, tag) })),
    );
  }

  /** Returns the texts of a piece that the rules want, in the order of the file. */
  textsIn(source: SyncedSource, { batch, series }: CachedBatch): readonly ParamText[] {
    if (!this.isOn || batch.objects.length === 0) return [];
    const rules = this.#rulesOf(series);
    const texts: ParamText[] = [];
    for (const point of batch.objects) {
      for (const { prefix } of rules[point.series] ?? []) {
        const { tag, plugin } = series[point.series] as Series;
        const stamp = textStamp({ file: source.fileOf(batch.file), offset: point.offset, index: point.index });
        const bytes = point.payload.length;
        const base = { path: source.pathOf(tag), rule: ruleText(prefix, tag), prefix, stamp, bytes };
        const value = bytes > MOST_TEXT_BYTES ? undefined : interpret(plugin, point);
        const [text] = value?.kind === 'text' && value.strings.length === 1 ? value.strings : [];
        if (text === undefined) {
          const reason = value === undefined ? `it has ${bytes} bytes, and at most ${MOST_TEXT_BYTES} are read` : 'it is not one text';
          texts.push({ ...base, hash: '', content: { kind: 'refused', reason } });
        } else {
          texts.push({ ...base, hash: sha256Of(text), content: { kind: 'text', text: Buffer.from(text).toString('utf8') } });
        }
      }
    }
    return texts;
  }

  #rulesOf(series: readonly Series[]): readonly (readonly Compiled[])[] {
    let known = this.#known.get(series);
    if (known === undefined) {
      known = [];
      this.#known.set(series, known);
    }
    for (const { tag, plugin } of series.slice(known.length)) known.push(this.#about(tag, plugin));
    return known;
  }

  #about(tag: string, plugin: string): readonly Compiled[] {
    if (plugin !== 'text') return [];
    return this.#rules.filter(({ patterns }) => patterns.some((pattern) => pattern.match(tag) !== undefined));
  }
}

/** Returns the key in the state, like the rule of a file: `params` is the prefix of the names. */
function ruleText(prefix: string, tag: string): string {
  return JSON.stringify({ params: prefix, tag });
}
