import { zstdCompressSync } from 'node:zlib';
import { ByteWriter, type ColumnSource, ParquetWriter, type SchemaElement } from 'hyparquet-writer';
import { type ExportKind, isOfKind } from './kind.ts';
import { type ExportCount, type ExportSource, nothingYet } from './source.ts';

/**
 * A call that takes a piece of the output and may keep it. The next piece is made after the returned promise
 * resolves.
 */
type ByteSink = (chunk: Uint8Array) => void | Promise<void>;

/** The options of a Parquet export. */
export interface ParquetOptions {
  /** The kind of series to write; default `scalars`. */
  readonly kind?: ExportKind;
  /** The rows that memory holds and compresses together; default 100 000. */
  readonly rowGroupRows?: number;
}

const ROW_GROUP_ROWS = 100_000;
/** The characters of JSON text at which a row group ends early. */
const ROW_GROUP_CHARACTERS = 32 * 1024 * 1024;

/**
 * Writes one table as Parquet, a row group at a time: `run`, `tag`, `step` (INT64), `wall_time`, `value` (DOUBLE) and
 * `value_exact`, the digits of an integer that no double holds, null everywhere else. Kinds other than scalars have
 * `value_json` as well, and `value` is null there unless the value is a number.
 */
export async function writeParquet(source: ExportSource, sink: ByteSink, options: ParquetOptions = {}): Promise<ExportCount> {
  const { kind = 'scalars', rowGroupRows = ROW_GROUP_ROWS } = options;
  const hasJson = kind !== 'scalars';
  const file = new ParquetWriter({
    writer: new SinkWriter(sink),
    schema: schema(hasJson),
    codec: 'ZSTD',
    compressors: { ZSTD: (bytes) => zstdCompressSync(bytes) },
    createdBy: 'mirrorboard',
  });
  const count = nothingYet();
  let rows = new Rows(rowGroupRows, hasJson);
  const writeRows = async (): Promise<void> => {
    await file.write({ columnData: rows.columns(), rowGroupSize: rowGroupRows });
    rows = new Rows(rowGroupRows, hasJson);
  };
  for await (const run of source.runs()) {
    count.runs++;
    for (const series of run.series) {
      if (!isOfKind(series.plugin, kind)) continue;
      const before = count.points;
      for (const { step, wallTime, value } of series.points()) {
        if (typeof value === 'string' && !hasJson) {
          count.leftOut++;
          continue;
        }
        rows.add(run.run, series.tag, step, wallTime, value);
        count.points++;
        if (rows.count === rowGroupRows || rows.characters >= ROW_GROUP_CHARACTERS) await writeRows();
      }
      if (count.points > before) count.series++;
    }
  }
  if (rows.count > 0) await writeRows();
  await file.finish();
  return count;
}

function schema(hasJson: boolean): SchemaElement[] {
  const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } } as const;
  const columns: SchemaElement[] = [
    { name: 'run', ...text, repetition_type: 'REQUIRED' },
    { name: 'tag', ...text, repetition_type: 'REQUIRED' },
    { name: 'step', type: 'INT64', repetition_type: 'REQUIRED' },
    { name: 'wall_time', type: 'DOUBLE', repetition_type: 'REQUIRED' },
    { name: 'value', type: 'DOUBLE', repetition_type: hasJson ? 'OPTIONAL' : 'REQUIRED' },
    { name: 'value_exact', ...text, repetition_type: 'OPTIONAL' },
    ...(hasJson ? [{ name: 'value_json', ...text, repetition_type: 'OPTIONAL' } as const] : []),
  ];
  return [{ name: 'root', num_children: columns.length }, ...columns];
}

/** The rows of one row group, in columns. */
class Rows {
  count = 0;
  /** The number of characters of the JSON texts. */
  characters = 0;
  readonly #run: string[] = [];
  readonly #tag: string[] = [];
  readonly #step: (number | bigint)[] = [];
  readonly #wallTime: Float64Array;
  readonly #value: (number | null)[] | Float64Array;
  readonly #exact: (string | null)[] = [];
  readonly #json: (string | null)[] | undefined;

  constructor(most: number, hasJson: boolean) {
    this.#wallTime = new Float64Array(most);
    this.#value = hasJson ? [] : new Float64Array(most);
    this.#json = hasJson ? [] : undefined;
  }

  add(run: string, tag: string, step: number | bigint, wallTime: number, value: number | bigint | string): void {
    const row = this.count++;
    this.#run.push(run);
    this.#tag.push(tag);
    this.#step.push(step);
    this.#wallTime[row] = wallTime;
    this.#value[row] = typeof value === 'string' ? null : Number(value);
    this.#exact.push(typeof value === 'bigint' && BigInt(Number(value)) !== value ? String(value) : null);
    if (this.#json === undefined) return;
    this.#json.push(typeof value === 'string' ? value : null);
    if (typeof value === 'string') this.characters += value.length;
  }

  columns(): ColumnSource[] {
    const json = this.#json;
    return [
      { name: 'run', data: this.#run, encoding: 'RLE_DICTIONARY' },
      { name: 'tag', data: this.#tag, encoding: 'RLE_DICTIONARY' },
      { name: 'step', data: this.#step, encoding: 'DELTA_BINARY_PACKED' },
      // PLAIN, because the library's dictionaries take -0 and 0 for the same value.
      { name: 'wall_time', data: this.#wallTime.subarray(0, this.count), encoding: 'PLAIN' },
      { name: 'value', data: this.#value.slice(0, this.count), encoding: 'PLAIN' },
      { name: 'value_exact', data: this.#exact, statistics: false },
      ...(json === undefined ? [] : [{ name: 'value_json', data: json, encoding: 'PLAIN', statistics: false } as const]),
    ];
  }
}

/** The library's buffer. It empties into a sink after each row group; the library waits for `flush`. */
class SinkWriter extends ByteWriter {
  readonly #sink: ByteSink;

  constructor(sink: ByteSink) {
    super(1 << 20);
    this.#sink = sink;
  }

  flush(): void | Promise<void> {
    if (this.index === 0) return;
    const chunk = this.getBytes();
    // The sink owns the chunk from here on: the next row group gets its own buffer.
    this.buffer = new ArrayBuffer(this.buffer.byteLength);
    this.view = new DataView(this.buffer);
    this.index = 0;
    return this.#sink(chunk);
  }

  override finish(): void | Promise<void> {
    return this.flush();
  }
}
