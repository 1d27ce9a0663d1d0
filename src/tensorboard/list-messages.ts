/** Encodes lists of series: a store may have millions, so this writes into one array of the right size. */
import type { RunRef } from '../model/index.ts';
import type { SeriesDefinition, SeriesListing } from '../query/index.ts';
import { FlatWriter, varintSize } from './flat-writer.ts';
import { metadataMessage } from './metadata-message.ts';
import { addBytes, message } from './wire.ts';

/** The form of a list. */
interface ListForm {
  readonly nameOf: (run: RunRef) => string;
  /** True for sequences of blobs, whose lists have the largest number of blobs. */
  readonly hasLengths: boolean;
  /** The indexes of definitions that the list leaves out. */
  readonly leftOut?: ReadonlySet<number>;
}

/** The key of a field that holds bytes or a message. */
const bytesKey = (field: number): number => (field << 3) | 2;

const RUN_KEY = bytesKey(1);
/** A field of a run: a series with its tag (field 1) and the facts of its metadata (field 2). */
const SERIES_KEY = bytesKey(2);
const FACTS_KEY = bytesKey(2);
/** Fields of these facts. The last one, the summary metadata, is 3 or 4. */
const STEP_KEY = 1 << 3;
const WALL_TIME_KEY = (2 << 3) | 1;
const LENGTH_KEY = 3 << 3;

/** Returns the ListScalars, ListTensors or ListBlobSequences answer. */
export function listMessage(listing: SeriesListing, { nameOf, hasLengths, leftOut = new Set() }: ListForm): Uint8Array {
  const { runs, definitions, run, definition, lastStep, lastWallTime, mostParts } = listing;
  const series = definitions.map((one) => new EncodedSeries(one, hasLengths));
  const names = runs.map((one) => addBytes(message(), 1, nameOf(one)).finish());

  // The size of a message precedes it: first the sizes, then the bytes.
  const sizes = new Uint8Array(run.length);
  const ofRuns: { readonly index: number; readonly end: number; readonly size: number }[] = [];
  let total = 0;
  for (let i = 0; i < run.length; ) {
    const index = run[i] as number;
    let size = (names[index] as Uint8Array).length;
    for (; i < run.length && run[i] === index; i++) {
      const number = definition[i] as number;
      if (leftOut.has(number)) continue;
      const own = varintSize(lastStep[i] as bigint) + (hasLengths ? varintSize(mostParts[i] as number) : 0);
      sizes[i] = own;
      size += (series[number] as EncodedSeries).sizeWith(own);
    }
    ofRuns.push({ index, end: i, size });
    total += 1 + varintSize(size) + size;
  }

  const writer = new FlatWriter(total);
  let i = 0;
  for (const { index, end, size } of ofRuns) {
    writer.byte(RUN_KEY);
    writer.varint(size);
    writer.bytes(names[index] as Uint8Array);
    for (; i < end; i++) {
      const own = sizes[i] as number;
      if (own === 0) continue;
      const encoded = series[definition[i] as number] as EncodedSeries;
      writer.bytes(encoded.headWith(own));
      writer.varint(lastStep[i] as bigint);
      writer.byte(WALL_TIME_KEY);
      writer.double(lastWallTime[i] as number);
      if (hasLengths) {
        writer.byte(LENGTH_KEY);
        writer.varint(mostParts[i] as number);
      }
      writer.bytes(encoded.metadata);
    }
  }
  return writer.finish();
}

/** The fields that all series with a definition have, in their encoded form. */
class EncodedSeries {
  /** The last field. */
  readonly metadata: Uint8Array;
  readonly #tag: string;
  /** The bytes of the fields of fixed size, with the keys of the others. */
  readonly #fixed: number;
  /** All before the step, by the size of the step and the length: it has the sizes of the messages around. */
  readonly #heads: Uint8Array[] = [];

  constructor(definition: SeriesDefinition, hasLengths: boolean) {
    this.#tag = definition.tag;
    this.metadata = addBytes(message(), hasLengths ? 4 : 3, metadataMessage(definition)).finish();
    this.#fixed = 2 + Float64Array.BYTES_PER_ELEMENT + (hasLengths ? 1 : 0) + this.metadata.length;
  }

  /** Returns the bytes of a series whose step and length have so many. */
  sizeWith(own: number): number {
    // The head ends with the key of the step, which `#fixed` counts.
    return this.headWith(own).length - 1 + own + this.#fixed;
  }

  headWith(own: number): Uint8Array {
    let head = this.#heads[own];
    if (head === undefined) {
      const facts = own + this.#fixed;
      const tag = addBytes(message(), 1, this.#tag).finish();
      const writer = new FlatWriter(1 + varintSize(tag.length + 1 + varintSize(facts) + facts) + tag.length + 1 + varintSize(facts) + 1);
      writer.byte(SERIES_KEY);
      writer.varint(tag.length + 1 + varintSize(facts) + facts);
      writer.bytes(tag);
      writer.byte(FACTS_KEY);
      writer.varint(facts);
      writer.byte(STEP_KEY);
      head = writer.finish();
      this.#heads[own] = head;
    }
    return head;
  }
}
