import { join } from 'node:path';
import type { BigLog, BigLogForm } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, millionsPerSecond, spread, type Target, times } from './figures.ts';
import { lastLine, type Measured, measure } from './measure.ts';
import { interleave, repeat } from './pairs.ts';
import { usable } from './references/reference.ts';

/**
 * A form of scalars, and whether the target applies to it: the limit itself reads the values of the common float forms
 * only.
 */
interface Form {
  readonly what: string;
  readonly form: BigLogForm;
  readonly perEvent?: number;
  readonly target?: Target;
}

const TARGET: Target = { bound: 'least', reach: 0.35, moonshot: 0.6 };

const SIMPLE: Form = { what: 'simple_value', form: 'simple', target: TARGET };

const FORMS: readonly Form[] = [
  SIMPLE,
  { what: 'simple_value with node_name (CatBoost)', form: 'named', target: TARGET },
  { what: 'float tensor, float_val packed', form: 'tensor', target: TARGET },
  { what: 'float tensor, float_val unpacked', form: 'unpacked' },
  { what: 'float tensor, tensor_content', form: 'content', target: TARGET },
  { what: 'double tensor', form: 'double' },
  { what: 'int64 tensor', form: 'int64' },
  { what: 'half tensor', form: 'half' },
  { what: '8 simple values an event', form: 'simple', perEvent: 8 },
];

/** The decode room alone: bytes in, batches out. */
export const decode: Bench = {
  name: 'decode',
  about: 'The decode room alone, warm, in records a second, against one pass in C (the ratio of both rates)',
  async run(context) {
    for (const form of FORMS) await compareForm(context, form);
  },
};

/** The most common form alone. */
export function decodeSimple(context: BenchContext): Promise<void> {
  return compareForm(context, SIMPLE);
}

async function compareForm(
  { scratch, references, scaled, pairs, row, note }: BenchContext,
  { what, form, perEvent, target }: Form,
): Promise<void> {
  const limit = usable(await references.limit(), note);
  // 24 tags make three full events of eight; one million records are enough where the file is for this benchmark only.
  const log = scratch.log(
    perEvent
      ? { form, perEvent, tags: 24, steps: scaled(100_000) }
      : { form, tags: 20, steps: scaled(form === 'simple' || form === 'tensor' ? 100_000 : 50_000) },
  );
  const ours = async () => log.records / (await decodeOnce(log)).seconds;
  if (!limit) {
    row({ what, ours: millionsPerSecond(spread(await repeat(pairs, ours)).median) });
    return;
  }
  const [file = ''] = log.files;
  const theirs = async () => {
    const { records, seconds } = await limit(file);
    if (records !== log.records) throw new Error(`the limit found ${count(records)} records, expected ${count(log.records)}`);
    return records / seconds;
  };
  const measured = await interleave(pairs, ours, theirs);
  row({
    what,
    ours: millionsPerSecond(spread(measured.map(([rate]) => rate)).median),
    reference: millionsPerSecond(spread(measured.map(([, rate]) => rate)).median),
    against: 'one pass in C',
    multipleOf: 'rate',
    figure: spread(measured.map(([a, b]) => a / b)),
    format: times,
    ...(target ? { target } : {}),
  });
}

/**
 * One decode of the log's only file, and the process that did it. `benches` has the compiled benchmarks of a checkout.
 */
export async function decodeOnce(
  { files: [file = ''], records: expected }: BigLog,
  benches: string = import.meta.dirname,
): Promise<{ readonly seconds: number; readonly process: Measured }> {
  const measured = await measure(process.execPath, [join(benches, 'decode-child.js'), file]);
  const { exitCode, stdout, stderr } = measured;
  if (exitCode !== 0) throw new Error(stderr.split('\n').find((line) => /^\w*Error: /.test(line)) ?? lastLine(stderr));
  const { records, seconds } = JSON.parse(lastLine(stdout)) as { records: number; seconds: number };
  if (records !== expected) throw new Error(`decodeFile found ${count(records)} records, expected ${count(expected)}`);
  return { seconds, process: measured };
}
