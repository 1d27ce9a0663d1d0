/** One tag of one run, as its first value (by file name and offset) defined it. */
export interface Series {
  /** The index in the run's catalogue, counted from 0 in the order of first appearance. */
  readonly id: number;
  readonly tag: string;
  /** The plugin's name; empty if the first value is a tensor without metadata. */
  readonly plugin: string;
  readonly dataClass: DataClass;
  /** The SummaryMetadata message of the first value, byte for byte; empty if there was none. */
  readonly metadata: Uint8Array;
  readonly displayName: string;
  readonly description: string;
  /** The form of the first value on disk: `simple_value`, `histo`, `tensor:double`, … */
  readonly form: string;
  /** The position of the first value. */
  readonly firstFile: string;
  readonly firstOffset: number;
}

/** TensorBoard's data class of a series (`summary.proto`). */
export type DataClass = 'unknown' | 'scalar' | 'tensor' | 'blob_sequence';
