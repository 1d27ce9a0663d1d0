import { formatMemory } from '../memory/index.ts';
import {
  type Catalogue,
  classify,
  type DataClass,
  dtypeName,
  int64,
  interpret,
  type Mark,
  type MarkKind,
  type ObjectPoint,
  RUN_GRAPH_TAG,
  type Series,
  weightOfSeries,
  weighValue,
} from '../model/index.ts';
import { mirrorboard as messages } from '../proto/messages.js';
import { lengthDelimited, messageField } from '../proto/wire.ts';
import type { ColumnWriter } from './columns.ts';
import { NO_LIMITS, type RecordLimits, tooLarge } from './limits.ts';
import type { TagTable } from './tag-table.ts';
import { weighEvent } from './weigh-event.ts';

/** The target for what the event reader finds: an unfinished `Batch`. */
export interface Sink {
  readonly columns: ColumnWriter;
  readonly objects: ObjectPoint[];
  readonly marks: Mark[];
  readonly newSeries: Series[];
  payloadBytes: number;
  /** About the memory that the values take once they are interpreted. */
  weight: number;
}

/** The reason why nothing was taken from a record. */
export interface Refused {
  readonly reason: 'bad_message' | 'too_large';
  readonly detail: string;
  /** The memory that would be enough for it. */
  readonly needs?: number | undefined;
}

/** A record whose checksums were verified. */
interface ValidRecord {
  readonly data: Uint8Array;
  readonly offset: number;
  readonly checksum: number;
}

/** Facts that the head of a file tells. */
export interface FileHead {
  fileVersion?: string;
  /** The wall time of the record at the file's start. */
  firstWallTime?: number;
  writer?: string;
}

const NOTHING = new Uint8Array(0);
/**
 * The longest metadata that is remembered for the scanner, so that a long description with every value costs little.
 * Bytes.
 */
const MAX_REMEMBERED_METADATA = 1024;
/** Shorter records are decoded without weighing: even at worst they take little, and most records are short. */
const LIGHT_BYTES = 256;
/** The weight of each of their bytes. */
const LIGHT_WEIGHT = 16;

/**
 * Reads any event through the protobuf types, for everything that the scanner does not read. The sink gets the whole
 * record, or nothing if its message is corrupt.
 */
export class EventReader {
  readonly #catalogue: Catalogue;
  readonly #tags: TagTable;
  readonly #file: string;
  readonly #limits: RecordLimits;
  readonly head: FileHead = {};

  constructor(catalogue: Catalogue, tags: TagTable, file: string, limits: RecordLimits = NO_LIMITS) {
    this.#catalogue = catalogue;
    this.#tags = tags;
    this.#file = file;
    this.#limits = limits;
  }

  /** Reads a record; returns the problem, or undefined if there is none. */
  read(record: ValidRecord, sink: Sink): Refused | undefined {
    const { data } = record;
    // Two bytes can become an object of a hundred, so the memory for a message is computed before it is decoded.
    const weight = data.length < LIGHT_BYTES ? LIGHT_WEIGHT * data.length : weighEvent(data, this.#limits.values);
    if (weight > this.#limits.values) return this.#tooLarge(weight);
    let event: messages.Event;
    try {
      event = messages.Event.decode(data);
    } catch (error) {
      return { reason: 'bad_message', detail: error instanceof Error ? error.message : String(error) };
    }
    const values = event.what === 'summary' ? (event.summary?.value ?? []) : [];
    const refused = this.#weighed(values, weight, sink) ?? this.#tooManyTags(values);
    if (refused !== undefined) return refused;
    const step = int64(event.step);
    const at = { step, wallTime: event.wall_time, offset: record.offset, checksum: record.checksum };
    if (record.offset === 0) this.head.firstWallTime = event.wall_time;
    if (event.source_metadata?.writer) this.head.writer = event.source_metadata.writer;

    switch (event.what) {
      case 'summary':
        this.#summary(values, record, at, sink);
        return undefined;
      case 'graph_def':
        this.#graph(RUN_GRAPH_TAG, 'graph_def', event.graph_def ?? NOTHING, at, sink);
        return undefined;
      case 'tagged_run_metadata': {
        const metadata = event.tagged_run_metadata;
        this.#graph(metadata?.tag ?? '', 'tagged_run_metadata', metadata?.run_metadata ?? NOTHING, at, sink);
        return undefined;
      }
      case 'file_version':
        this.head.fileVersion ??= event.file_version ?? '';
        return undefined;
      case 'session_log':
        return this.#mark('session_log', messageField(record.data, 7), at, sink);
      case 'log_message':
        return this.#mark('log_message', messageField(record.data, 6), at, sink);
      case 'meta_graph_def':
        return this.#mark('meta_graph_def', event.meta_graph_def ?? NOTHING, at, sink);
      default:
        return this.#mark('empty', record.data.length === 0 ? NOTHING : record.data, at, sink);
    }
  }

  /** Weighs the interpreted values; refuses the record if they are too much for one. */
  #weighed(values: readonly messages.Summary.Value.$Properties[], decoded: number, sink: Sink): Refused | undefined {
    let weight = decoded;
    for (const value of values) {
      const plugin = this.#catalogue.find(value.tag ?? '')?.plugin ?? this.#factsOf(value).plugin;
      weight += weighValue(plugin, value);
      if (weight > this.#limits.values) return this.#tooLarge(weight);
    }
    sink.weight += weight;
    return undefined;
  }

  #tooLarge(weight: number): Refused {
    const { values, needsForValues } = this.#limits;
    return {
      reason: 'too_large',
      detail: tooLarge(`its values take ${formatMemory(weight)} or more`, values),
      needs: needsForValues(weight),
    };
  }

  /** Refuses a record if its new tags do not fit into the share of the run's tags. */
  #tooManyTags(values: readonly messages.Summary.Value.$Properties[]): Refused | undefined {
    const { tags, needsForTags } = this.#limits;
    if (tags === Infinity) return undefined;
    let weight = this.#catalogue.weight;
    let more = 0;
    for (const value of values) {
      const tag = value.tag ?? '';
      if (this.#catalogue.find(tag) !== undefined) continue;
      more++;
      weight += weightOfSeries(tag, value.metadata?.summary_description, value.metadata?.display_name, metadataBytes(value));
      if (weight > tags) break;
    }
    if (more === 0 || weight <= tags) return undefined;
    const what = `its run has ${this.#catalogue.size} tags, and more of them take ${formatMemory(weight)} or more`;
    return { reason: 'too_large', detail: tooLarge(what, tags), needs: needsForTags(weight) };
  }

  #factsOf(value: messages.Summary.Value.$Properties) {
    const metadata = value.metadata ?? undefined;
    const form = formOf(value);
    return factsOf(form === 'tensor' ? `tensor:${dtypeName(value.tensor?.dtype ?? 0)}` : form, metadata);
  }

  #summary(values: readonly messages.Summary.Value.$Properties[], record: ValidRecord, at: At, sink: Sink): void {
    // Payloads are the original bytes of the file, so the places of the values must be found again.
    let raw: Uint8Array[] | undefined;
    for (const [index, value] of values.entries()) {
      const bytesOf = (): Uint8Array => {
        raw ??= lengthDelimited(messageField(record.data, 5) ?? NOTHING, 1);
        return raw[index] ?? NOTHING;
      };
      const tag = value.tag ?? '';
      const form = formOf(value);
      const metadata = value.metadata ?? undefined;
      let series = this.#catalogue.find(tag);
      if (series === undefined) {
        const verbatim = metadata === undefined ? NOTHING : (messageField(bytesOf(), 9) ?? NOTHING).slice();
        series = this.#define(
          tag,
          form === 'tensor' ? `tensor:${dtypeName(value.tensor?.dtype ?? 0)}` : form,
          metadata,
          verbatim,
          at.offset,
          sink,
        );
      }
      if (series.plugin === 'scalars') {
        if (metadata !== undefined) this.#rememberMetadata(tag, messageField(bytesOf(), 9));
        const scalar = interpret('scalars', { form, payload: payloadOf(form, value, bytesOf()) });
        if (scalar.kind === 'scalar') {
          sink.columns.push(series.id, at.step, at.wallTime, scalar.value, at.offset, at.checksum, index);
          continue;
        }
      }
      const content = metadata?.plugin_data?.content;
      const isContent = series.plugin === 'hparams' && content !== undefined && content !== null && content.length > 0;
      const payload = isContent ? content : payloadOf(form, value, bytesOf());
      sink.objects.push({ series: series.id, ...at, index, form: isContent ? 'content' : form, payload });
      sink.payloadBytes += payload.length;
    }
  }

  #graph(tag: string, form: 'graph_def' | 'tagged_run_metadata', payload: Uint8Array, at: At, sink: Sink): void {
    const series = this.#catalogue.find(tag) ?? this.#define(tag, form, undefined, NOTHING, at.offset, sink);
    sink.objects.push({ series: series.id, ...at, index: 0, form, payload });
    sink.payloadBytes += payload.length;
  }

  #mark(kind: MarkKind, payload: Uint8Array | undefined, at: At, sink: Sink): undefined {
    sink.marks.push({ kind, ...at, payload: payload ?? NOTHING });
    sink.payloadBytes += payload?.length ?? 0;
  }

  #define(
    tag: string,
    form: string,
    metadata: messages.SummaryMetadata.$Properties | undefined,
    verbatim: Uint8Array,
    offset: number,
    sink: Sink,
  ): Series {
    const facts = factsOf(form, metadata);
    const series = this.#catalogue.define({ tag, ...facts, metadata: verbatim, form, firstFile: this.#file, firstOffset: offset });
    sink.newSeries.push(series);
    if (series.plugin === 'scalars') this.#tags.add(new TextEncoder().encode(tag), series.id);
    return series;
  }

  #rememberMetadata(tag: string, verbatim: Uint8Array | undefined): void {
    if (verbatim === undefined || verbatim.length > MAX_REMEMBERED_METADATA) return;
    const bytes = new TextEncoder().encode(tag);
    const slot = this.#tags.find(bytes, 0, bytes.length);
    if (slot >= 0) this.#tags.setMetadata(slot, verbatim);
  }
}

function factsOf(form: string, metadata: messages.SummaryMetadata.$Properties | undefined): ReturnType<typeof classify> {
  return classify({
    form,
    pluginName: metadata?.plugin_data?.plugin_name ?? '',
    dataClass: DATA_CLASSES[metadata?.data_class ?? 0] ?? 'unknown',
    displayName: metadata?.display_name ?? '',
    description: metadata?.summary_description ?? '',
  });
}

/** Returns about the size of a value's metadata message: its content. Texts are counted separately. */
function metadataBytes({ metadata }: messages.Summary.Value.$Properties): number {
  return metadata?.plugin_data?.content?.length ?? 0;
}

interface At {
  readonly step: number | bigint;
  readonly wallTime: number;
  readonly offset: number;
  readonly checksum: number;
}

const DATA_CLASSES: readonly DataClass[] = ['unknown', 'scalar', 'tensor', 'blob_sequence'];

type ValueForm = 'simple_value' | 'histo' | 'image' | 'audio' | 'tensor' | 'none';

function formOf(value: messages.Summary.Value.$Properties): ValueForm {
  return value.value ?? 'none';
}

const PAYLOAD_FIELDS = { image: 4, histo: 5, audio: 6, tensor: 8 } as const;

function payloadOf(form: ValueForm, value: messages.Summary.Value.$Properties, bytes: Uint8Array): Uint8Array {
  switch (form) {
    case 'none':
      return NOTHING;
    case 'simple_value':
      return new Uint8Array(new Float32Array([value.simple_value ?? 0]).buffer);
    default:
      return messageField(bytes, PAYLOAD_FIELDS[form]) ?? NOTHING;
  }
}
