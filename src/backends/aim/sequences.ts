/** The Aim sequence of a series: a name and a context; and the known sequences of a run. */
import type { RunRef } from '../../model/index.ts';
import type { ContextRule } from './handle.ts';
import { type Context, contextId } from './hash.ts';
import { childOf, entriesOf, type Key, type Tree } from './tree.ts';

/** The content of a sequence. `json`: texts of JSON, for values without an Aim type. */
export type Family = 'scalar' | 'distribution' | 'image' | 'audio' | 'text' | 'json';

/** The identity of a sequence in Aim: context and name. */
export interface SequenceId {
  readonly context: Context;
  readonly contextId: bigint;
  readonly name: string;
}

/** A series as a tracker run has it. */
export interface SeriesName {
  readonly tag: string;
  readonly plugin: string;
  readonly family: Family;
}

/** The run's metadata about a sequence; undefined fields are unknown. */
export interface Trace extends SequenceId {
  readonly series: SeriesName | undefined;
  readonly dtype: string;
  readonly version: number;
  readonly lastStep: number | bigint | undefined;
  readonly fields: Tree;
}

/** The metadata field with the exact tag of a sequence. */
export const TAG_FIELD = 'mb_tag';
/** The metadata field with the plugin of a sequence. */
export const PLUGIN_FIELD = 'mb_plugin';
/** The metadata field with the family of a sequence. */
export const FAMILY_FIELD = 'mb_family';
/** The metadata field that counts points which share a step with another one. */
export const COLLAPSED_FIELD = 'mb_collapsed';

/** Replaces an empty name: no part of a path may be empty. */
const NO_NAME = '(no name)';
/** Sub-directories and prefixes that are parts of one training, as logging code names them. */
const SUBSETS = new Set(['train', 'training', 'val', 'valid', 'validation', 'eval', 'evaluation', 'test', 'testing', 'predict']);

/** Returns the name and the context for a tag. */
export function pooledTag(
  tag: string,
  rule: ContextRule,
  run: RunRef,
  target: RunRef,
): { readonly name: string; readonly context: Context } {
  const plain = { name: tag === '' ? NO_NAME : tag, context: {} };
  if (rule === 'none') return plain;
  if (rule === 'prefix') {
    const at = tag.indexOf('/');
    const subset = tag.slice(0, Math.max(at, 0));
    return SUBSETS.has(subset.toLowerCase()) && at + 1 < tag.length ? { name: tag.slice(at + 1), context: { subset } } : plain;
  }
  const folded = folderBelow(run, target);
  if (folded !== undefined) {
    const name = tag.startsWith(`${folded}/`) && tag.length > folded.length + 1 ? tag.slice(folded.length + 1) : plain.name;
    return { name, context: { subset: folded } };
  }
  const last = target.path.slice(target.path.lastIndexOf('/') + 1);
  return SUBSETS.has(last.toLowerCase()) ? { ...plain, context: { subset: last } } : plain;
}

/** Returns the folded sub-directory; undefined if a run is its own target. */
function folderBelow(run: RunRef, target: RunRef): string | undefined {
  if (run.path === target.path) return undefined;
  if (target.path === '.') return run.path;
  return run.path.startsWith(`${target.path}/`) ? run.path.slice(target.path.length + 1) : undefined;
}

/** The sequences of a run, each for one series. */
export class Sequences {
  readonly #bySeries = new Map<string, SequenceId>();
  readonly #taken = new Set<string>();

  constructor(traces: readonly Trace[]) {
    for (const trace of traces) {
      this.#taken.add(sequenceKey(trace));
      if (trace.series !== undefined) this.#bySeries.set(seriesKey(trace.series), trace);
    }
  }

  /** Returns the sequence of a series: its existing one, otherwise the first free one. */
  of(series: SeriesName, rule: ContextRule, run: RunRef, target: RunRef): SequenceId {
    const key = seriesKey(series);
    const known = this.#bySeries.get(key);
    if (known !== undefined) return known;
    const { name, context } = pooledTag(series.tag, rule, run, target);
    const kinds = [undefined, series.family, `${series.family} ${series.plugin}`, `${series.family} ${series.plugin} ${series.tag}`];
    for (const kind of kinds) {
      // A value that is not of its plugin's own kind never takes the place of one that is, whichever comes first.
      if (kind === undefined && familyOfPlugin(series.plugin) !== series.family) continue;
      const whole: Context = kind === undefined ? context : { ...context, mirrorboard: kind };
      const id = { context: whole, contextId: contextId(whole), name };
      if (this.#taken.has(sequenceKey(id))) continue;
      this.#taken.add(sequenceKey(id));
      this.#bySeries.set(key, id);
      return id;
    }
    throw new RangeError(`no sequence is left for ${JSON.stringify(series)}`);
  }
}

/** Returns the family of sequences that holds the values of a plugin. */
export function familyOfPlugin(plugin: string): Family {
  switch (plugin) {
    case 'scalars':
      return 'scalar';
    case 'histograms':
      return 'distribution';
    case 'images':
      return 'image';
    case 'audio':
      return 'audio';
    case 'text':
      return 'text';
    default:
      return 'json';
  }
}

/** Returns a key for maps by sequence. */
export function sequenceKey({ contextId: id, name }: Pick<SequenceId, 'contextId' | 'name'>): string {
  return `${id}/${name}`;
}

/** Returns a key for maps by series. */
export function seriesKey({ tag, plugin, family }: SeriesName): string {
  return JSON.stringify([tag, plugin, family]);
}

/** Reads the traces of a run from its metadata: by context, then by name. */
export function readTraces(traces: Tree | undefined, contexts: Tree | undefined): Trace[] {
  return entriesOf(traces).flatMap(([id, names]) => {
    const number = typeof id === 'bigint' ? id : /^-?\d{1,20}$/.test(id) ? BigInt(id) : undefined;
    if (number === undefined) return [];
    const context = Object.fromEntries(
      entriesOf(childOf(contexts, id)).flatMap(([key, value]) => (typeof value === 'string' ? [[String(key), value] as const] : [])),
    );
    return entriesOf(names).map(([name, fields]) => readTrace(number, context, name, fields));
  });
}

function readTrace(id: bigint, context: Context, name: Key, fields: Tree): Trace {
  const [tag, plugin, family] = [TAG_FIELD, PLUGIN_FIELD, FAMILY_FIELD].map((key) => childOf(fields, key));
  const isOurs = typeof tag === 'string' && typeof plugin === 'string' && typeof family === 'string';
  const [last, dtype, version] = ['last_step', 'dtype', 'version'].map((key) => childOf(fields, key));
  return {
    context,
    contextId: id,
    name: String(name),
    series: isOurs ? { tag, plugin, family: family as Family } : undefined,
    dtype: typeof dtype === 'string' ? dtype : '',
    version: typeof version === 'bigint' || typeof version === 'number' ? Number(version) : 1,
    lastStep: typeof last === 'bigint' || typeof last === 'number' ? last : undefined,
    fields,
  };
}
