import { statSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { type ColumnSource, parquetWriteFile } from 'hyparquet-writer';
import { parquet as tracker } from '../../src/backends/parquet/index.ts';
import type { BigLog } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, seconds, spread, times } from './figures.ts';
import { secondsToMirror } from './mirror.ts';
import { interleave } from './pairs.ts';

const TAGS = 20;
const STEPS = 50_000;
/** Four million points: the start of a backfill takes as long as writing a quarter of a million. */
const WRITER_STEPS = 200_000;
/** While one run is encoded, another one is read. */
const RUNS = 8;

/** A lane of Parquet files, against the library that writes them, and against the command that exports a store. */
export const parquet: Bench = {
  name: 'parquet',
  about:
    'Millions of scalars into a folder of Parquet files: rate against hyparquet-writer alone, and time against `export --format parquet`',
  async run(context) {
    for (const runs of [RUNS, 1]) {
      await againstWriter(context, runs);
      await againstExport(context, runs);
    }
  },
};

/** Event files into Parquet files, against the library with the same columns ready in memory. */
export async function againstWriter({ scratch, pairs, scaled, row }: BenchContext, runs = RUNS): Promise<void> {
  const log = scratch.log({ runs, tags: TAGS, steps: scaled(WRITER_STEPS / runs) });
  const measured = await interleave(
    pairs,
    () => mirror(log, scratch.folder('parquet')),
    async () => writeAlone(log.points, join(scratch.folder('alone'), 'points.parquet')),
  );
  row({
    what: `${count(log.points)} points of ${runs === 1 ? 'one run' : `${runs} runs`}`,
    ours: seconds(spread(measured.map(([a]) => a)).median),
    reference: seconds(spread(measured.map(([, b]) => b)).median),
    against: 'hyparquet-writer alone, from memory',
    multipleOf: 'rate',
    figure: spread(measured.map(([a, b]) => b / a)),
    format: times,
    target: { bound: 'least', reach: 0.8, moonshot: 1 },
  });
}

/** Event files into Parquet files, against the export of a store that has the same points. */
export async function againstExport({ scratch, product, pairs, scaled, row }: BenchContext, runs = RUNS): Promise<void> {
  const log = scratch.log({ runs, tags: TAGS, steps: scaled(STEPS / runs) });
  const home = product.newHome();
  await product.backfill(log.dir, home);
  const measured = await interleave(
    pairs,
    () => mirror(log, scratch.folder('parquet')),
    () => product.export(home, 'parquet', join(scratch.folder('export'), 'points.parquet')),
  );
  row({
    what: `${count(log.points)} points of ${runs === 1 ? 'one run' : `${runs} runs`}`,
    ours: seconds(spread(measured.map(([a]) => a)).median),
    reference: seconds(spread(measured.map(([, b]) => b.seconds)).median),
    against: 'export --format parquet',
    multipleOf: 'time',
    figure: spread(measured.map(([a, b]) => a / b.seconds)),
    format: times,
    target: { bound: 'most', reach: 1 },
  });
}

function mirror(log: BigLog, home: string): Promise<number> {
  return secondsToMirror(log, { type: tracker, section: { path: join(home, 'points') }, group: '', home });
}

/** The columns of a lane's file, and its encodings. */
function columnsOf(points: number): ColumnSource[] {
  const each = <T>(value: (row: number) => T): T[] => Array.from({ length: points }, (_, row) => value(row));
  const fixed = (name: string, text: string, statistics = false): ColumnSource => ({
    name,
    data: new Array(points).fill(text),
    type: 'STRING',
    encoding: 'RLE_DICTIONARY',
    statistics,
  });
  const empty = (name: string): ColumnSource => ({
    name,
    data: new Array(points).fill(null),
    type: 'STRING',
    nullable: true,
    statistics: false,
  });
  const step = Int32Array.from(each((row) => Math.floor(row / TAGS)));
  return [
    fixed('run', 'bench', true),
    { name: 'tag', data: each((row) => `tag/${row % TAGS}`), type: 'STRING', encoding: 'RLE_DICTIONARY' },
    { name: 'step', data: step, type: 'INT64', encoding: 'DELTA_BINARY_PACKED' },
    { name: 'wall_time', data: Float64Array.from(step, (at) => 1_700_000_000 + at / 8), type: 'DOUBLE', encoding: 'PLAIN' },
    {
      name: 'value',
      data: Float64Array.from(each((row) => Math.fround(Math.sin(row)))),
      type: 'DOUBLE',
      encoding: 'PLAIN',
      statistics: false,
    },
    empty('value_exact'),
    empty('value_json'),
    empty('media'),
    fixed('dtype', 'float'),
    fixed('plugin', 'scalars'),
    fixed('file', 'events.out.tfevents.1700000000.host.1.0'),
    { name: 'offset', data: Int32Array.from(each((row) => row * 50)), type: 'INT64', encoding: 'DELTA_BINARY_PACKED', statistics: false },
    { name: 'index', data: new Int32Array(points), type: 'INT32', encoding: 'DELTA_BINARY_PACKED', statistics: false },
    { name: 'checksum', data: Int32Array.from(each((row) => row * 2_654_435_761)), type: 'INT32', encoding: 'PLAIN', statistics: false },
  ];
}

function writeAlone(points: number, filename: string): number {
  // Made anew each time: as long as they are kept, they slow down the garbage collection of the others.
  const columnData = columnsOf(points);
  const began = performance.now();
  parquetWriteFile({ filename, columnData, codec: 'ZSTD', compressors: { ZSTD: (bytes) => zstdCompressSync(bytes) } });
  const took = (performance.now() - began) / 1000;
  if (statSync(filename).size < 1000) throw new Error('nothing was written');
  return took;
}
