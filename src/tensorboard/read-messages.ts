/** Encodes the points of series. */
import type { StoredValue } from '../query/index.ts';
import { blobKeys } from './blobs.ts';
import { addBytes, addInts, addMessage, addNumbers, message, type Writer } from './wire.ts';

/** A series of an answer: its names, and a call that writes its points. */
export interface SeriesEntry {
  readonly run: string;
  readonly tag: string;
  readonly write: (writer: Writer) => void;
}

/** Returns an answer with the series grouped by run. */
export function readMessage(entries: readonly SeriesEntry[]): Uint8Array {
  return Buffer.concat(
    [...Map.groupBy(entries, ({ run }) => run)].map(([run, series]) =>
      addMessage(message(), 1, (writer) => {
        addBytes(writer, 1, run);
        for (const { tag, write } of series) {
          addMessage(writer, 2, (entry) => {
            addBytes(entry, 1, tag);
            addMessage(entry, 2, write);
          });
        }
      }).finish(),
    ),
  );
}

/** Writes the steps and wall times of points. */
export function addTimes(writer: Writer, steps: Iterable<number | bigint>, wallTimes: Float64Array): void {
  addInts(writer, 1, steps);
  addNumbers(writer, 2, wallTimes);
}

/** Writes the steps and wall times of values. */
export function addTimesOf(writer: Writer, values: readonly StoredValue[]): void {
  const wallTimes = Float64Array.from(values, ({ wallTime }) => wallTime);
  addTimes(
    writer,
    values.map(({ step }) => step),
    wallTimes,
  );
}

/** Writes scalars. The protocol has floats of 32 bits. */
export function addScalars(writer: Writer, values: Float64Array): void {
  addNumbers(writer, 3, Float32Array.from(values));
}

/** Writes the keys of the blobs of values. */
export function addBlobs(writer: Writer, values: readonly StoredValue[]): void {
  for (const value of values) {
    addMessage(writer, 3, (sequence) => {
      for (const key of blobKeys(value)) addMessage(sequence, 1, (reference) => addBytes(reference, 1, key));
    });
  }
}
