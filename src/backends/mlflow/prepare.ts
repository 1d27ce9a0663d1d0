import { type ExactLine, type PointIdentity, scalarText } from '../../backend-kit/exact-points/index.ts';
import { eachScalar } from '../../backend-kit/index.ts';
import type { Refusal, TrackerParcel } from '../../contract/index.ts';
import type { Tag } from './client.ts';
import { markLine, pointLine } from './exact-files.ts';
import type { GatheredPiece } from './gathered.ts';
import type { KeyTable } from './key-table.ts';
import { isCut, isPublishable, tagOf } from './keys.ts';
import { KEY_LENGTH } from './limits.ts';
import { isOdd, type MapOptions, type MlflowUpload, mapObject, metricText, type Note } from './map.ts';
import type { StoreFacts } from './store-facts.ts';

/** One element of a log-batch, and its point. */
export interface Metric {
  /** The metric's name. It changes if the database treats it as another metric's. */
  key: string;
  text: string;
  readonly offset: number;
  readonly index: number;
  readonly isDerived: boolean;
  /** True if the metric arrived, or never will. */
  isSettled: boolean;
}

/** Everything that a parcel becomes. */
export interface PreparedMetrics {
  readonly metrics: readonly Metric[];
  /** The lines of exact points, in the order of the file. */
  readonly lines: readonly ExactLine[];
  readonly uploads: readonly (MlflowUpload & { readonly isNeeded: boolean; readonly offset: number; readonly index: number })[];
  readonly notes: readonly (Note & GatheredPiece)[];
  /** The params that are left to write. */
  readonly params: { readonly key: string; readonly value: string }[];
  /** The tags that explain the run's names. They must be stored before the names are. */
  readonly tags: readonly Tag[];
  readonly refusals: readonly Refusal[];
}

/** The options of `prepare`. */
export interface PrepareOptions extends MapOptions {
  readonly facts: StoreFacts;
  /** The names of the run's params, apart from those of its metrics. */
  readonly paramKeys: KeyTable;
  readonly exactTimes: boolean;
  /** The reason why files cannot be stored; undefined if they can. */
  readonly noFiles: string | undefined;
}

/** Turns a parcel into metrics, lines of exact points, files and params. */
export function prepare({ batch, series }: TrackerParcel, options: PrepareOptions): PreparedMetrics {
  const metrics: Metric[] = [];
  const lines: ExactLine[] = [];
  const uploads: PreparedMetrics['uploads'][number][] = [];
  const notes: PreparedMetrics['notes'][number][] = [];
  const params: PreparedMetrics['params'] = [];
  const tags = new Map<string, string>();
  const refusals: Refusal[] = [];
  const names = new KeyNames(options.keys, options.facts, tags);
  const paramNames = new KeyNames(options.paramKeys, options.facts, tags);
  const hasFiles = options.noFiles === undefined;
  const { run, file } = batch;

  eachScalar(batch, (id, step, wallTime, value, offset, checksum, index) => {
    const tag = series[id]?.tag ?? '';
    const name = names.of(tag);
    if (name.isLost && !hasFiles) {
      refusals.push({ offset, index, kind: 'unsupported', reason: `${options.noFiles}; a metric cannot have this name` });
      return;
    }
    metrics.push({ key: name.key, text: metricText(name.json, step, wallTime, value), offset, index, isDerived: false, isSettled: false });
    if (hasFiles && (name.isLost || isOdd(wallTime, value, options.exactTimes))) {
      lines.push(pointLine({ run, file, offset, checksum, index }, tag, series[id]?.plugin ?? '', step, wallTime, scalarText(value), []));
    }
  });

  for (const point of batch.objects) {
    const { tag = '', plugin = '' } = series[point.series] ?? {};
    const { offset, checksum, index, step, wallTime } = point;
    const place: PointIdentity = { run, file, offset, checksum, index };
    const mapped = mapObject(tag, plugin, point, place, options);
    for (const { name, value } of mapped.params) params.push({ key: paramNames.of(name).key, value });
    if (!hasFiles) {
      refusals.push({
        offset,
        index,
        kind: 'unsupported',
        reason: `${options.noFiles}${mapped.params.length > 0 ? '; its params are stored' : ''}`,
      });
      continue;
    }
    for (const [i, upload] of mapped.uploads.entries()) uploads.push({ ...upload, isNeeded: i < mapped.needed, offset, index });
    if (mapped.note !== undefined) notes.push({ ...mapped.note, offset, index, text: mapped.note.markdown });
    const files = mapped.uploads.slice(0, mapped.needed).map(({ path, data }) => [path, data.length] as const);
    lines.push(pointLine(place, tag, plugin, step, wallTime, mapped.valueText, files));
    for (const { key, value } of mapped.metrics) {
      const text = metricText(JSON.stringify(key), step, wallTime, value);
      metrics.push({ key, text, offset, index, isDerived: true, isSettled: false });
    }
    if (mapped.hasImages) tags.set('mlflow.loggedImages', 'True');
    if (plugin === 'text') tags.set(HAS_TEXTS, 'True');
  }
  if (hasFiles)
    for (const mark of batch.marks) lines.push(markLine({ run, file, offset: mark.offset, checksum: mark.checksum, index: 0 }, mark));
  lines.sort((a, b) => a.offset - b.offset || a.index - b.index);
  return { metrics, lines, uploads, notes, params, tags: [...tags].map(([key, value]) => ({ key, value })), refusals };
}

interface Name {
  readonly key: string;
  readonly json: string;
  /** True if the tag cannot be recovered from the key, and cannot be published. */
  readonly isLost: boolean;
}

/** The names of one parcel, each made once. Those that differ from the tag are published. */
export class KeyNames {
  readonly #known = new Map<string, Name>();
  readonly #keys: KeyTable;
  readonly #facts: StoreFacts;
  readonly #tags: Map<string, string>;

  constructor(keys: KeyTable, facts: StoreFacts, tags: Map<string, string>) {
    this.#keys = keys;
    this.#facts = facts;
    this.#tags = tags;
  }

  of(tag: string): Name {
    let name = this.#known.get(tag);
    if (name === undefined) {
      const key = this.#keys.keyOf(tag);
      const published = publicationOf(tag, key, this.#facts);
      name = { key, json: JSON.stringify(key), isLost: published?.value === LOST_NAME && tagOf(key) !== tag };
      if (published !== undefined) this.#tags.set(published.key, published.value);
      this.#known.set(tag, name);
    }
    return name;
  }
}

/** A tag of runs that hold texts. */
export const HAS_TEXTS = 'mirrorboard.has_texts';

/** The text that is published for a name that cannot be. No cut name is as short. */
export const LOST_NAME = 'in mirrorboard/points-….jsonl only';

const PUBLISHED = 'mirrorboard.key.';

/** Returns the run's tag that publishes the meaning of a key; undefined if the key needs none. */
export function publicationOf(tag: string, key: string, facts: StoreFacts): Tag | undefined {
  if (key === tag) return undefined;
  if (isPublishable(tag, facts)) return { key: publishedName(key), value: tag };
  return tagOf(key) === tag ? undefined : { key: publishedName(key), value: LOST_NAME };
}

/**
 * Returns the tag of a run that holds the name behind a key. For a key that is too long, the tag ends in the key's
 * hash.
 */
export function publishedName(key: string): string {
  return [...key].length + PUBLISHED.length <= KEY_LENGTH ? PUBLISHED + key : `${PUBLISHED}${key.slice(-18)}`;
}

/** True if only a tag of the run holds the name behind a key. */
export function isNameTag(name: string): boolean {
  return name.startsWith(PUBLISHED) && isCut(name);
}
