import { join } from 'node:path';
import type { BigLog, BigLogForm } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, millionsPerSecond, spread, type Target, times } from './figures.ts';
import { lastLine, measure } from './measure.ts';
import { interleave, repeat } from './pairs.ts';
import type { Limit } from './references/limit.ts';

/** A form of scalars, and whether the target applies to it: the limit itself reads the values of the common float forms only. */
interface Form {
  readonly what: string;
  readonly form: BigLogForm;
  readonly perEvent?: number;
  readonly target?: Target;
}

const TARGET: Target = { bound: 'least', reach: 0.35, moonshot: 0.6 };

const FORMS: readonly Form[] = [
  { what: 'simple_value', form: 'simple', target: TARGET },
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
    const limit = await context.references.limit();
    if (limit.kind === 'absent') context.note(limit.reason);
    for (const form of FORMS) await compareForm(context, form, limit.kind === 'ready' ? limit.use : undefined);
  },
};

async function compareForm(
  { scratch, scaled, pairs, row }: BenchContext,
  { what, form, perEvent, target }: Form,
  limit: Limit | undefined,
): Promise<void> {
  // 24 tags make three full events of eight; one million records are enough where the file is for this benchmark only.
  const log = scratch.log(
    perEvent
      ? { form, perEvent, tags: 24, steps: scaled(100_000) }
      : { form, tags: 20, steps: scaled(form === 'simple' || form === 'tensor' ? 100_000 : 50_000) },
  );
  const ours = () => decodeOnce(log);
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
    figure: spread(measured.map(([a, b]) => a / b)),
    format: times,
    ...(target ? { target } : {}),
  });
}

/** Records a second of one decode of the log's only file. */
async function decodeOnce({ files: [file = ''], records: expected }: BigLog): Promise<number> {
  const { exitCode, stdout, stderr } = await measure(process.execPath, [join(import.meta.dirname, 'decode-child.js'), file]);
  if (exitCode !== 0) throw new Error(stderr.split('\n').find((line) => /^\w*Error: /.test(line)) ?? lastLine(stderr));
  const { records, seconds } = JSON.parse(lastLine(stdout)) as { records: number; seconds: number };
  if (records !== expected) throw new Error(`decodeFile found ${count(records)} records, expected ${count(expected)}`);
  return records / seconds;
}
