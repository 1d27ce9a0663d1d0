// npm run bench -- [names…]: tables of ratios on the standard output. Ratios, because machines differ; pairs in turn,
// because they are noisy. With --report the table of the README, with --against a comparison with another checkout.
// Exit code 0 whatever the figures are, 1 when a benchmark could not run, 2 when it was called wrongly.
import { join } from 'node:path';
import { again } from './again.ts';
import { againstTbparse } from './against-tbparse.ts';
import { aim } from './aim.ts';
import { backfill } from './backfill.ts';
import { type Bench, gather, type Setting } from './bench.ts';
import { againstCheckout, CHECKOUT_BENCHES } from './checkouts.ts';
import { clearml } from './clearml.ts';
import { decode } from './decode.ts';
import { idle } from './idle.ts';
import { jobs } from './jobs.ts';
import { lanes } from './lanes.ts';
import { latency } from './latency.ts';
import { live } from './live.ts';
import { machine } from './machine.ts';
import { manyRuns } from './many-runs.ts';
import { manyTags } from './many-tags.ts';
import { killMeasured } from './measure.ts';
import { memory } from './memory.ts';
import { mlflow } from './mlflow.ts';
import { type Options, readOptions } from './options.ts';
import { page, pageLive } from './page.ts';
import { pageCurves } from './page-curves.ts';
import { pageTensorBoard } from './page-tensorboard.ts';
import { parquet } from './parquet.ts';
import { Product } from './product.ts';
import { query } from './query.ts';
import { readSeries } from './read-series.ts';
import { References } from './references/index.ts';
import { REPORT } from './report/entries.ts';
import { report } from './report/report.ts';
import { Scratch } from './scratch.ts';
import { slowTags } from './slow-tags.ts';
import { start } from './start.ts';
import { renderTable } from './table.ts';
import { tensorboard } from './tensorboard.ts';
import { trackio } from './trackio.ts';
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
  query,
  tensorboard,
  again,
  start,
  verify,
  jobs,
  zeros,
  idle,
  latency,
  slowTags,
  live,
  lanes,
  mlflow,
  clearml,
  aim,
  trackio,
  wandb,
  parquet,
  page,
  pageCurves,
  pageTensorBoard,
  pageLive,
];

const ROOT = join(import.meta.dirname, '..', '..', '..');
const PAGES = ['README.md', 'docs/performance.md'].map((page) => join(ROOT, page));

const namesOf = (all: readonly { readonly name: string }[]): string => all.map(({ name }) => name).join(', ');
const selected = <T extends { readonly name: string }>(all: readonly T[], names: readonly string[]): readonly T[] =>
  names.length === 0 ? all : all.filter(({ name }) => names.includes(name));

const HELP = `npm run bench -- [names…] [--pairs N] [--scale X]      tables of benchmarks
npm run bench -- --report [names…] [--pairs N]         the table of the README and of docs/performance.md
npm run bench -- --against DIR [names…] [--pairs N]    this checkout and another one that is built

${BENCHES.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join('\n')}

  --report     ${namesOf(REPORT)}; names select some, which are only printed
  --against    ${namesOf(CHECKOUT_BENCHES)}
  --page FILE  where the report is written, between its marks; several times for several pages
  --pairs N    measured pairs of a comparison (default 5)
  --scale X    sizes times X, to try things out (default 1); such figures say nothing about the targets
  --quick      one pair, sizes times 0.01, and only references that are installed

  MIRRORBOARD_SHARED         folder with bench/limit.c (default: ../shared beside the repository)
  MIRRORBOARD_BENCH_CACHE    folder for references and working files (default: below the system's temporary folder)
  MIRRORBOARD_TEST_CACHE     folder of the Python packages that tests use (default: below node_modules/.cache)
  MIRRORBOARD_REAL_TRACKERS  1: installs the trackers that are not there yet
  MIRRORBOARD_BENCH_COMMAND  the command to measure (default: bin/mirrorboard)
`;

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (typeof options === 'string') return refuse(options);
  if (options.isHelp) {
    process.stdout.write(HELP);
    return 0;
  }
  const { names, pairs, scale, isReport, against } = options;
  const known = isReport ? REPORT : against === undefined ? BENCHES : CHECKOUT_BENCHES;
  const unknown = names.find((word) => !known.some(({ name }) => name === word));
  if (unknown !== undefined) return refuse(`unknown benchmark ${unknown}; there are ${namesOf(known)}`);

  const scratch = new Scratch({ mayInstall: !options.isQuick });
  process.once('exit', () => {
    killMeasured();
    scratch.remove();
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  await using references = new References(scratch, process.env['MIRRORBOARD_SHARED'] ?? join(ROOT, '..', 'shared'));
  const command = process.env['MIRRORBOARD_BENCH_COMMAND'] ?? join(ROOT, 'bin', 'mirrorboard');
  const setting: Setting = { pairs, scale, product: new Product(command, scratch), scratch, references };
  try {
    return (await (isReport ? makeReport : makeTables)(options, setting)) > 0 ? 1 : 0;
  } catch (error) {
    // No checkout, or no marks: what goes wrong in a benchmark is in its table.
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(problem: string): number {
  process.stderr.write(`${problem}\n`);
  return 2;
}

/** A report of all entries at their full size goes into the repository's pages; any other is a trial. */
async function makeReport({ names, scale, pages }: Options, setting: Setting): Promise<number> {
  const isWhole = names.length === 0 && scale === 1;
  const { tables, failures } = await report(selected(REPORT, names), setting, pages ?? (isWhole ? PAGES : []));
  process.stdout.write(`${tables['report in detail']}\n`);
  return failures;
}

async function makeTables({ names, pairs, scale, against }: Options, setting: Setting): Promise<number> {
  process.stdout.write(`${machine()}, Node ${process.version}, ${pairs} pairs${scale === 1 ? '' : `, scale ${scale}`}\n`);
  if (against !== undefined) return await againstCheckout(against, selected(CHECKOUT_BENCHES, names), setting);
  let failures = 0;
  for (const bench of selected(BENCHES, names)) {
    process.stderr.write(`… ${bench.name}\n`);
    const { rows, notes, failure } = await gather(bench.run, setting);
    const below = notes.map((note) => `  skipped: ${note}\n`);
    if (failure !== undefined) {
      failures++;
      below.push(`  could not run: ${failure}\n`);
    }
    const table = rows.length > 0 ? `${renderTable(rows)}\n` : '';
    process.stdout.write(`\n${bench.name}: ${bench.about}\n${table}${below.join('')}`);
  }
  return failures;
}
