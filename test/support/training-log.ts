// A log directory as training writes it, with what is hard to show: runs by seed and learning rate, spikes, NaN, lone
// points, restarts, hostile names. The same bytes for the same arguments.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import {
  audioTensor,
  event,
  eventFile,
  histogramTensor,
  hparamsSessionStart,
  imageTensor,
  prCurve,
  simpleValue,
  text,
  type WrittenValue,
} from './event-writer.ts';

/** The size of the log. */
export interface TrainingLogOptions {
  readonly dir: string;
  /** Runs are seeds of learning rates: 3 of each. Default 6. */
  readonly runs?: number;
  /** Default 2000. */
  readonly steps?: number;
}

const SEEDS = 3;
const RATES = [0.1, 0.03, 0.01, 0.003, 0.001];
/** Steps between values that are no scalars. */
const MEDIA_PARTS = 5;
const START = 1_790_000_000;

/** Names that attack pages, spreadsheets and terminals. */
export const HOSTILE_TAG = 'hostile/<img src=x onerror=alert(1)>\u001b[31m\u202e=cmd|calc';
/** Text that attacks a page that shows Markdown. */
export const HOSTILE_TEXT = [
  '# Notes\n',
  '<script>window.hit = 1</script><img src="x" onerror="window.hit = 2"><svg onload="window.hit = 3"></svg>',
  '[a link](javascript:window.hit=4) [another](data:text/html,<script>window.hit=5</script>)\n',
  '![a picture](http://127.0.0.1:9/picture.png) <style>* { display: none }</style> <form action="http://127.0.0.1:9"></form>\n',
  '| a | b |\n| - | - |\n| 1 | **2** |\n',
].join('\n');

/** The name of a run. */
export function trainingRun(run: number): string {
  return `lr${RATES[Math.floor(run / SEEDS) % RATES.length]}/seed${run % SEEDS}`;
}

/** Writes the log directory. */
export function trainingLog({ dir, runs = 6, steps = 2000 }: TrainingLogOptions): void {
  for (let run = 0; run < runs; run++) {
    const folder = join(dir, trainingRun(run));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `events.out.tfevents.${START + run}.host.0`), eventFile(...eventsOf(run, steps)));
  }
}

function* eventsOf(run: number, steps: number): Generator<Uint8Array> {
  const random = randomOf(run + 1);
  const rate = RATES[Math.floor(run / SEEDS) % RATES.length] as number;
  const at = (step: number): { readonly step: number; readonly wallTime: number } => ({
    step,
    wallTime: START + run * 7200 + step * (1.5 + (run % SEEDS) * 0.1),
  });
  const summary = (step: number, ...values: WrittenValue[]): Uint8Array => event({ ...at(step), summary: values });
  const params = { lr: rate, seed: run % SEEDS, optimizer: run % 2 ? 'adam' : 'sgd' };
  yield summary(0, hparamsSessionStart(params, { groupName: trainingRun(run) }));
  yield summary(0, text('notes', run === 0 ? HOSTILE_TEXT : `# Run ${run}\n\nLearning rate **${rate}**.`));
  for (let step = 0; step < steps; step++) {
    const progress = step / steps;
    const loss = 0.1 + 2.3 * Math.exp(-progress * 40 * Math.sqrt(rate)) + 0.15 * (random() - 0.5);
    yield summary(
      step,
      simpleValue('train/loss', loss),
      simpleValue('train/accuracy', 1 - loss / 3),
      simpleValue('optimizer/lr', rate * (1 + Math.cos(progress * Math.PI))),
      simpleValue('optimizer/grad_norm', 0.3 + random() + (random() < 0.003 ? 200 * random() : 0)),
      simpleValue('edge/nan', step % 200 === 7 ? Number.NaN : step % 500 === 9 ? Number.POSITIVE_INFINITY : Math.sin(step / 90)),
    );
    if (step % 100 === 0) yield summary(step, simpleValue('val/loss', loss * 1.1 + 0.05), simpleValue('val/accuracy', 0.95 - loss / 3));
    if (step === Math.floor(steps / 2)) {
      yield summary(step, simpleValue('edge/lone', 0.1 + 0.2), simpleValue(HOSTILE_TAG, 1));
    }
    if (step % Math.ceil(steps / MEDIA_PARTS) === 0) yield summary(step, ...media(run, step, steps, random));
  }
  // A restart: the second half comes again, a little lower.
  for (let step = Math.floor(steps / 2); run === 1 && step < steps; step += 10)
    yield summary(step, simpleValue('edge/restart', 1 + step / steps));
  for (let step = 0; run === 1 && step < steps / 2; step += 10) yield summary(step, simpleValue('edge/restart', step / steps));
}

function* mediaOf(run: number, step: number, steps: number, random: () => number): Generator<WrittenValue> {
  const progress = step / steps;
  const edges = Array.from({ length: 31 }, (_, i) => -3 + i * 0.2);
  yield histogramTensor(
    'weights/layer1',
    edges.slice(0, -1).map((left, i) => {
      const middle = left + 0.1 - progress;
      return [left, edges[i + 1] as number, Math.round(1000 * Math.exp((-middle * middle) / (0.3 + progress)))] as const;
    }),
  );
  yield imageTensor('samples/digits', {
    width: 32,
    height: 32,
    images: [picture(32, run * 40, progress), picture(32, run * 40 + 90, progress)],
  });
  yield audioTensor('samples/voice', [{ encoded: tone(220 * (1 + run) * (1 + progress), 0.2), label: `step ${step}` }]);
  const levels = Array.from({ length: 21 }, (_, i) => i / 20);
  yield prCurve('curves/pr', [
    levels.map((level) => Math.round(100 * (1 - level))),
    levels.map((level) => Math.round(60 * (1 - level) ** 2)),
    levels.map((level) => Math.round(60 - 60 * (1 - level) ** 2)),
    levels.map((level) => Math.round(100 * level)),
    levels.map((level) => Math.min(1, 0.5 + level / 2 + progress / 10)),
    levels.map((level) => 1 - level ** (1 + 3 * progress + random() * 0.1)),
  ]);
}

function media(...of: Parameters<typeof mediaOf>): readonly WrittenValue[] {
  return [...mediaOf(...of)];
}

/** A generator of numbers from 0 to 1. */
function randomOf(seed: number): () => number {
  let state = seed * 0x9e3779b1;
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x85ebca77) + 0x6d2b79f5;
    return ((state >>> 8) & 0xffffff) / 2 ** 24;
  };
}

/** A PNG with a disc that grows. */
function picture(size: number, hue: number, progress: number): Uint8Array {
  const rows: number[] = [];
  for (let y = 0; y < size; y++) {
    rows.push(0);
    for (let x = 0; x < size; x++) {
      const isIn = Math.hypot(x - size / 2, y - size / 2) < (size / 2) * (0.3 + 0.7 * progress);
      rows.push(isIn ? (hue * 3) % 256 : 240, isIn ? 120 : 240, isIn ? 200 - ((hue * 2) % 200) : 240);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Uint8Array.from(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** A WAV with a tone. */
function tone(hertz: number, seconds: number): Uint8Array {
  const rate = 8000;
  const samples = Math.round(rate * seconds);
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(rate * 2, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(samples * 2, 40);
  for (let i = 0; i < samples; i++) wav.writeInt16LE(Math.round(12_000 * Math.sin((2 * Math.PI * hertz * i) / rate)), 44 + i * 2);
  return wav;
}
