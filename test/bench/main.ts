// npm run bench -- [names…]: tables of ratios on the standard output. Ratios, because machines differ; pairs in turn, because they are noisy.
// Exit code 0 whatever the figures are, 1 when a benchmark could not run, 2 when it was called wrongly.
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { again } from './again.ts';
import { againstTbparse } from './against-tbparse.ts';
import { aim } from './aim.ts';
import { backfill } from './backfill.ts';
import type { Bench, References } from './bench.ts';
import { clearml } from './clearml.ts';
import { decode } from './decode.ts';
import { megabytes } from './figures.ts';
import { idle } from './idle.ts';
import { lanes } from './lanes.ts';
import { latency } from './latency.ts';
import { manyRuns } from './many-runs.ts';
import { manyTags } from './many-tags.ts';
import { killMeasured } from './measure.ts';
import { memory } from './memory.ts';
import { mlflow } from './mlflow.ts';
import { Product } from './product.ts';
import { readSeries } from './read-series.ts';
import { prepareClearml } from './references/clearml.ts';
import { prepareDataServer } from './references/data-server.ts';
import { prepareLimit } from './references/limit.ts';
import { prepareMlflow } from './references/mlflow.ts';
import { once } from './references/reference.ts';
import { prepareTbparse } from './references/tbparse.ts';
import { prepareWandb } from './references/wandb.ts';
import { Scratch } from './scratch.ts';
import { slowTags } from './slow-tags.ts';
import { type Row, renderTable } from './table.ts';
import { verify } from './verify.ts';
import { wandb } from './wandb.ts';
import { zeros } from './zeros.ts';

const BENCHES: readonly Bench[] = [
  decode,
  backfill,
  againstTbparse,
  memory,
  manyRuns,
  manyTags,
  readSeries,
  again,
  verify,
  zeros,
  idle,
  latency,
  slowTags,
  lanes,
  mlflow,
  clearml,
  aim,
  wandb,
];

const HELP = `npm run bench -- [names…] [--pairs N] [--scale X]

${BENCHES.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join('\n')}

  --pairs N    measured pairs of a comparison (default 5)
  --scale X    sizes times X, to try things out (default 1); such figures say nothing about the targets

  MIRRORBOARD_SHARED         folder with bench/limit.c (default: ../shared beside the repository)
  MIRRORBOARD_BENCH_CACHE    folder for references and working files (default: below the system's temporary folder)
  MIRRORBOARD_TEST_CACHE     folder of the Python packages that tests use (default: below node_modules/.cache)
  MIRRORBOARD_BENCH_COMMAND  the command to measure (default: bin/mirrorboard)
`;

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n`);
    return 2;
  }
  const { names, pairs, scale, help } = options;
  if (help) {
    process.stdout.write(HELP);
    return 0;
  }
  const root = join(import.meta.dirname, '..', '..', '..');
  const scratch = new Scratch();
  process.once('exit', () => {
    killMeasured();
    scratch.remove();
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const shared = process.env['MIRRORBOARD_SHARED'] ?? join(root, '..', 'shared');
  const references: References = {
    limit: once(() => prepareLimit(shared, scratch)),
    dataServer: once(() => prepareDataServer(scratch)),
    tbparse: once(() => prepareTbparse(scratch)),
    mlflow: once(() => prepareMlflow()),
    clearml: once(() => prepareClearml()),
    wandb: once(() => prepareWandb()),
  };
  const product = new Product(root, scratch);
  const [cpu] = cpus();
  process.stdout.write(
    `${cpus().length} × ${cpu?.model ?? 'unknown processor'}, ${megabytes(totalmem())}, Node ${process.version}, ${pairs} pairs${scale === 1 ? '' : `, scale ${scale}`}\n`,
  );

  let failures = 0;
  for (const bench of BENCHES.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const rows: Row[] = [];
    const notes = new Set<string>();
    process.stderr.write(`… ${bench.name}\n`);
    try {
      await bench.run({
        pairs,
        product,
        scratch,
        references,
        scaled: (size) => Math.max(1, Math.round(size * scale)),
        // A target was set for the full size only.
        row: ({ target, ...row }) => rows.push(target && scale === 1 ? { ...row, target } : row),
        note: (text) => notes.add(`skipped: ${text}`),
      });
    } catch (error) {
      failures++;
      notes.add(`could not run: ${error instanceof Error ? error.message : String(error)}`);
    }
    const table = rows.length > 0 ? `${renderTable(rows)}\n` : '';
    process.stdout.write(`\n${bench.name}: ${bench.about}\n${table}${[...notes].map((note) => `  ${note}\n`).join('')}`);
  }
  return failures > 0 ? 1 : 0;
}

interface Options {
  readonly names: readonly string[];
  readonly pairs: number;
  readonly scale: number;
  readonly help: boolean;
}

/** The options, or what is wrong with them. */
function readOptions(): Options | string {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        pairs: { type: 'string', default: '5' },
        scale: { type: 'string', default: '1' },
        help: { type: 'boolean', default: false },
      },
    });
    const [pairs, scale] = [Number(values.pairs), Number(values.scale)];
    const unknown = positionals.find((word) => !BENCHES.some(({ name }) => name === word));
    if (unknown !== undefined) return `unknown benchmark ${unknown}; there are ${BENCHES.map(({ name }) => name).join(', ')}`;
    if (!Number.isInteger(pairs) || pairs < 1) return `--pairs: expected a whole number from 1 on, not ${values.pairs}`;
    if (!(scale > 0 && scale <= 1)) return `--scale: expected a number above 0, at most 1, not ${values.scale}`;
    return { names: positionals, pairs, scale, help: values.help };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
