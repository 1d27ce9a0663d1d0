/** Tables as Parquet files: which columns there are, and how they are encoded and read. */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type DecodedArray, parquetMetadataAsync, parquetRead, type RowGroup, type SchemaElement } from 'hyparquet';
import { ByteWriter, type ColumnSource, ParquetWriter } from 'hyparquet-writer';
import { MirrorError, messageOf } from '../../errors.ts';

type Encoding = NonNullable<ColumnSource['encoding']>;

/** A column of a table. */
interface Column {
  readonly element: Omit<SchemaElement, 'name'>;
  readonly encoding: Encoding;
  /** False: no bounds are stored, because nobody searches by it. */
  readonly statistics?: false;
}

const TEXT = { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } } as const;
const REQUIRED = { repetition_type: 'REQUIRED' } as const;
const OPTIONAL = { repetition_type: 'OPTIONAL' } as const;

/** The columns of points: the same for every kind, so that all files can be read as one table. */
export const POINTS = {
  run: { element: { ...TEXT, ...REQUIRED }, encoding: 'RLE_DICTIONARY' },
  tag: { element: { ...TEXT, ...REQUIRED }, encoding: 'RLE_DICTIONARY' },
  step: { element: { type: 'INT64', ...REQUIRED }, encoding: 'DELTA_BINARY_PACKED' },
  // Doubles are PLAIN, because the library's dictionaries take -0 and 0 for the same value.
  wall_time: { element: { type: 'DOUBLE', ...REQUIRED }, encoding: 'PLAIN' },
  value: { element: { type: 'DOUBLE', ...OPTIONAL }, encoding: 'PLAIN', statistics: false },
  value_json: { element: { ...TEXT, ...OPTIONAL }, encoding: 'PLAIN', statistics: false },
  media: { element: { ...TEXT, ...OPTIONAL }, encoding: 'PLAIN', statistics: false },
  dtype: { element: { ...TEXT, ...OPTIONAL }, encoding: 'RLE_DICTIONARY', statistics: false },
  plugin: { element: { ...TEXT, ...REQUIRED }, encoding: 'RLE_DICTIONARY', statistics: false },
  file: { element: { ...TEXT, ...REQUIRED }, encoding: 'RLE_DICTIONARY', statistics: false },
  // Its bounds tell which groups of rows need not be read.
  offset: { element: { type: 'INT64', ...REQUIRED }, encoding: 'DELTA_BINARY_PACKED' },
  index: { element: { type: 'INT32', ...REQUIRED }, encoding: 'DELTA_BINARY_PACKED', statistics: false },
  // Signed, because not every table format has unsigned integers, and 64 bits would be half empty.
  checksum: { element: { type: 'INT32', ...REQUIRED }, encoding: 'PLAIN', statistics: false },
} as const satisfies Readonly<Record<string, Column>>;

/** The columns of params. */
export const PARAMS = {
  run_id: { element: { ...TEXT, ...REQUIRED }, encoding: 'RLE_DICTIONARY' },
  run: { element: { ...TEXT, ...REQUIRED }, encoding: 'RLE_DICTIONARY' },
  name: { element: { ...TEXT, ...REQUIRED }, encoding: 'PLAIN' },
  type: { element: { ...TEXT, ...REQUIRED }, encoding: 'RLE_DICTIONARY' },
  value: { element: { ...TEXT, ...OPTIONAL }, encoding: 'PLAIN' },
  number: { element: { type: 'DOUBLE', ...OPTIONAL }, encoding: 'PLAIN' },
} as const satisfies Readonly<Record<string, Column>>;

type Table = Readonly<Record<string, Column>>;
/** The data of a table, by column: arrays of one length. */
export type Data<T extends Table, Names extends keyof T = keyof T> = Readonly<Record<Names, DecodedArray>>;

/** Rows that readers take in one piece. */
export const ROW_GROUP_ROWS = 100_000;

/** A Parquet file that is written to memory, piece by piece. */
export class TableWriter<T extends Table> {
  readonly #table: T;
  readonly #bytes = new ByteWriter(1 << 16);
  readonly #writer: ParquetWriter;

  constructor(table: T) {
    this.#table = table;
    const columns = Object.entries(table).map(([name, { element }]): SchemaElement => ({ name, ...element }));
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: [{ name: 'root', num_children: columns.length }, ...columns],
      codec: 'ZSTD',
      compressors: { ZSTD: (bytes) => zstdCompressSync(bytes) },
      createdBy: 'mirrorboard',
    });
  }

  async write(data: Data<T>): Promise<void> {
    const columnData = Object.entries(this.#table).map(([name, { encoding, statistics }]): ColumnSource => {
      return { name, data: data[name] as DecodedArray, encoding, ...(statistics === undefined ? {} : { statistics }) };
    });
    await this.#writer.write({ columnData, rowGroupSize: ROW_GROUP_ROWS });
  }

  async finish(): Promise<Uint8Array> {
    await this.#writer.finish();
    return this.#bytes.getBytes();
  }
}

/** Returns a table as the bytes of a Parquet file. */
export async function encode<T extends Table>(table: T, data: Data<T>): Promise<Uint8Array> {
  const writer = new TableWriter(table);
  await writer.write(data);
  return writer.finish();
}

/** The library's own decoder leaves out a byte order mark. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Some rows of a table. */
export interface TableRows<T extends Table, Name extends keyof T> {
  readonly count: number;
  readonly data: Data<T, Name>;
}

/** Reads columns of a Parquet file. `name` names the file in an error. */
export async function decode<T extends Table, Name extends keyof T & string>(
  bytes: Buffer,
  columns: readonly Name[],
  name: string,
): Promise<TableRows<T, Name>> {
  for await (const rows of decodeGroups<T, Name>(bytes, columns, name, 'whole')) return rows;
  throw damagedError(name);
}

/** Bytes of an event file; `end` is exclusive. */
interface OffsetRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads columns of a Parquet file, one group of rows after the other, or all in one piece. Of a range, it reads only
 * the groups that can have points there.
 */
export async function* decodeGroups<T extends Table, Name extends keyof T & string>(
  bytes: Buffer,
  columns: readonly Name[],
  name: string,
  what: 'whole' | 'groups' | OffsetRange,
): AsyncGenerator<TableRows<T, Name>, void, void> {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  const compressors = { ZSTD: (input: Uint8Array): Uint8Array => zstdDecompressSync(input) };
  try {
    const metadata = await parquetMetadataAsync(file);
    let from = 0;
    for (const group of what === 'whole' ? [metadata] : metadata.row_groups) {
      const count = Number(group.num_rows);
      const first = from;
      from += count;
      if (typeof what === 'object' && 'columns' in group && !mayHave(group, what)) continue;
      const data = Object.fromEntries(columns.map((column) => [column, new Array(count)])) as Record<Name, unknown[]>;
      await parquetRead({
        file,
        metadata,
        columns: [...columns],
        rowStart: first,
        rowEnd: first + count,
        compressors,
        parsers: { stringFromBytes: (bytes) => utf8.decode(bytes) },
        onChunk: ({ columnName, columnData, rowStart }) => {
          const column = data[columnName as Name];
          for (let i = 0; i < columnData.length; i++) column[rowStart - first + i] = columnData[i];
        },
      });
      yield { count, data };
    }
  } catch (cause) {
    throw damagedError(name, cause);
  }
}

/** False if the bounds of a group say that none of its points is in a range. */
function mayHave({ columns }: RowGroup, { start, end }: OffsetRange): boolean {
  const { min_value: min, max_value: max } =
    columns.find((column) => column.meta_data?.path_in_schema[0] === 'offset')?.meta_data?.statistics ?? {};
  return min === undefined || max === undefined || (Number(min) < end && Number(max) >= start);
}

/** Returns the error for a file that another program has changed. It concerns one run only. */
export function damagedError(path: string, cause?: unknown): MirrorError {
  const reason = cause === undefined ? '' : `: ${messageOf(cause)}`;
  return new MirrorError('MB4006', `${path} is not as mirrorboard wrote it${reason}`, {
    cause,
    hint: 'Restore the file, or remove it and run verify --repair.',
    context: { path },
  });
}

/** Returns integers of 64 bits in the smallest form that the library writes fast. */
export function integers(values: ArrayLike<number | bigint>): DecodedArray {
  const small = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (value !== (value | 0)) return BigInt64Array.from(values as ArrayLike<bigint>, (each) => BigInt(each));
    small[i] = value;
  }
  return small;
}
