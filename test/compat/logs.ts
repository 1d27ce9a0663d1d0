// A log directory with what has been trouble with some version or database: many names, NaN, names that differ by
// case, long params, many files.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as w from '../support/event-writer.ts';

const START = 1_700_000_000;
/**
 * `loss` beside `loss/val` is trouble in a folder, the others are where names are compared loosely, or the character
 * set is small.
 */
const NAMES = ['loss', 'Loss', 'loss/val', 'acc', 'acc ', 'précision', 'precision', '精度', 'loss 🚀', '𠀀', '𝛼', `${'a@'.repeat(200)}1`];
/** Each pair is one name to a database that goes by Unicode's table. */
const LETTERS = ['grøn', 'gron', 'val/præcision', 'val/praecision', 'łoss', 'ァ', 'あ'];

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const at = (step: number, ...summary: Uint8Array[]): Uint8Array => w.event({ wallTime: START + step, step, summary });

/** Writes it, and says which points there are. */
export function writeLogs(root: string): void {
  const write = (run: string, events: readonly Uint8Array[], i = 0): void => {
    mkdirSync(join(root, run), { recursive: true });
    writeFileSync(
      join(root, run, `events.out.tfevents.${START + i}.gpu-node-0${i % 8}.cluster.example.org.${4000 + i}.0`),
      w.eventFile(...events),
    );
  };
  write(
    'many',
    range(20).map((i) => at(i, ...range(150).map((k) => w.simpleValue(`m/${k}`, i === 7 && k % 50 === 0 ? NaN : i + k / 1000)))),
  );
  write(
    'names',
    range(30).map((i) => at(i, ...NAMES.map((name, k) => w.simpleValue(name, (i * k) / 7)))),
  );
  // Equal values: only the names tell whose they are.
  write(
    'letters 🚀',
    range(30).map((i) => at(i, ...LETTERS.map((name) => w.simpleValue(name, i === 7 ? NaN : i / 7)))),
  );
  const histogram = w.histo('h', { min: 0, max: 2, num: 3, sum: 3, sumSquares: 5, limits: [1, 2], counts: [1, 2] });
  const odd = at(2, w.simpleValue('odd', Infinity), w.simpleValue('zero', -0));
  write('kinds', [at(1, w.text('note', 'hello **w**'), histogram), odd, at(3, w.simpleValue('x', 1))]);
  const params = {
    ...Object.fromEntries(range(40).map((i) => [`p${i}`, i])),
    lr: 0.1,
    LR: 0.2,
    grøn: 1,
    gron: 2,
    '🚀': '🚀',
    long: 'x'.repeat(1500),
    率: '高い',
  };
  writeFileSync(join(root, 'kinds/config.json'), JSON.stringify(params));
  for (const i of range(120))
    write(
      'restarts',
      range(3).map((k) => at(i * 3 + k, w.simpleValue('loss', 1 / (i * 3 + k + 1)))),
      i,
    );
}
