/** Encodes lists of series, one run at a time: a store may have millions. */
import type { RunRef } from '../model/index.ts';
import type { SeriesListing } from '../query/index.ts';
import { metadataMessage } from './metadata-message.ts';
import { addBytes, addDouble, addInt, addMessage, message, type Writer } from './wire.ts';

/** The form of a list. */
interface ListForm {
  readonly nameOf: (run: RunRef) => string;
  /** True for sequences of blobs, whose lists have the largest number of blobs. */
  readonly hasLengths: boolean;
  /** The indexes of definitions that the list leaves out. */
  readonly leftOut?: ReadonlySet<number>;
}

/** Returns the ListScalars, ListTensors or ListBlobSequences answer. */
export function listMessage(listing: SeriesListing, { nameOf, hasLengths, leftOut = new Set() }: ListForm): Uint8Array {
  const { runs, definitions, run, definition } = listing;
  const metadata = definitions.map(metadataMessage);
  const tags = definitions.map(({ tag }) => Buffer.from(tag));
  const parts: Uint8Array[] = [];
  for (let i = 0; i < run.length; ) {
    const index = run[i] as number;
    const from = i;
    while (i < run.length && run[i] === index) i++;
    const to = i;
    parts.push(
      addMessage(message(), 1, (writer) => {
        addBytes(writer, 1, nameOf(runs[index] as RunRef));
        for (let series = from; series < to; series++) {
          const number = definition[series] as number;
          if (leftOut.has(number)) continue;
          addMessage(writer, 2, (tag) => {
            addBytes(tag, 1, tags[number] as Uint8Array);
            addMessage(tag, 2, (entry) => addFacts(entry, listing, series, hasLengths, metadata[number] as Uint8Array));
          });
        }
      }).finish(),
    );
  }
  return Buffer.concat(parts);
}

function addFacts(entry: Writer, listing: SeriesListing, series: number, hasLengths: boolean, metadata: Uint8Array): void {
  addInt(entry, 1, listing.lastStep[series] as bigint);
  addDouble(entry, 2, listing.lastWallTime[series] as number);
  if (hasLengths) addInt(entry, 3, listing.mostParts[series] as number);
  addBytes(entry, hasLengths ? 4 : 3, metadata);
}
