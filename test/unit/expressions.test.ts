import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { expressionsIn, type FoundExpression } from '../support/expressions.js';
import { type Pump, pumped, pumpsOf } from '../support/worst-texts.js';

const compiled = fileURLToPath(new URL('../../src', import.meta.url));

/**
 * Expressions that may need more time than in proportion to their text, because their texts are short, or come from
 * the person who runs the program. A new one here names the author of the text; all other expressions are tried.
 */
const OURS: ReadonlyMap<string, string> = new Map([
  ['/\\/+$/', 'addresses and globs of the configuration'],
  ['/\\B(?=(\\d{3})+$)/g', 'the digits of a number'],
  ['/\\.?0+e/', 'the digits of a number'],
  ['/\\.?0*e\\+?/', 'the digits of a number'],
]);

/** Expressions that are put together while the program runs, by file, with what they are made of. */
const MADE: ReadonlyMap<string, string> = new Map([
  ['http/reply.js', 'the name of a field, from our own code'],
  ['config/secrets.js', 'our own list of names; variables and fields of the configuration'],
  ['pattern/expression.js', 'globs of the configuration, over short texts only: see expression.test.ts'],
  ['pattern/parse-expression.js', 'a set of characters, over one character'],
  ['page/model/grouping.js', 'what the reader of the page writes, in the own tab'],
  ['page/model/tag-groups.js', 'what the reader of the page writes, in the own tab'],
  ['backends/clearml/answers.js', 'two names of ours, over the cut text of an answer'],
]);

const files = readdirSync(compiled, { recursive: true, encoding: 'utf8' }).filter(
  // The bundle for browsers holds libraries, which work in the reader's own tab.
  (file) => file.endsWith('.js') && !file.startsWith('proto/') && !file.startsWith('page/files/'),
);
const codes = new Map(files.map((file) => [file, readFileSync(join(compiled, file), 'utf8')]));
const found = new Map<string, FoundExpression>();
for (const code of codes.values()) for (const one of expressionsIn(code)) found.set(`/${one.source}/${one.flags}`, one);

/** Time of this thread's processor: what else runs on the machine does not count. */
function workOf(run: () => void): number {
  let least = Infinity;
  for (let left = 3; left > 0; left--) {
    const before = process.threadCpuUsage();
    run();
    const { user, system } = process.threadCpuUsage(before);
    least = Math.min(least, user + system);
    // Too little to be measured: it will not get less.
    if (least < NOTHING) break;
  }
  return least;
}

/** Microseconds below which a measure says nothing. */
const NOTHING = 8000;

/**
 * The pump under which the work grows faster than the text, if there is one: from one length to another, so many times
 * longer, linear work grows as often, quadratic work by the square of it.
 */
function worstOf(run: (text: string) => void, pumps: readonly Pump[], length: number, times: number): Pump | undefined {
  const most = times * Math.sqrt(times) * 1.2;
  return pumps.find((pump) => {
    const long = pumped(pump, length * times);
    const short = pumped(pump, length);
    // Short ones first: a bad one would not come to the end of a long one.
    const before = workOf(() => run(short));
    if (before > SLOW) return true;
    return workOf(() => run(long)) > most * Math.max(before, NOTHING / 2);
  });
}

/**
 * No linear expression takes so long over a short text, however busy the machine is: this is the work of this thread
 * alone.
 */
const SLOW = 500_000;

test('finds expressions after comments, strings, templates and divisions', () => {
  const code = "const a = b / c / d; // /no/\nconst t = `x\u0024{f(/in/g)}/\u0024{1}/`; return /[/]\\//.test('/no/') ? x / 2 : /last/u;";
  expect(expressionsIn(code).map(({ source }) => source)).toEqual(['in', '[/]\\/', 'last']);
  expect(found.size).toBeGreaterThan(150);
});

test('every expression of the program takes time in proportion to the text, for any text', () => {
  const slow = [...found].flatMap(([name, { source, flags }]) => {
    if (OURS.has(name)) return [];
    const everywhere = new RegExp(source, flags.includes('g') ? flags : `${flags}g`);
    const run = (text: string): void => void text.replace(everywhere, '.');
    const worst = worstOf(run, pumpsOf(source), 4096, 4);
    return worst === undefined ? [] : [`${name} over ${JSON.stringify(worst)}`];
  });
  expect(slow).toEqual([]);
});

test('every expression handles a megabyte of its worst letters', () => {
  const slow = [...found].flatMap(([name, { source, flags }]) => {
    if (OURS.has(name)) return [];
    const everywhere = new RegExp(source, flags.includes('g') ? flags : `${flags}g`);
    const letters = pumpsOf(source)
      .filter(({ prefix, unit }) => prefix === '' && unit.length < 3)
      .slice(0, 12);
    const worst = worstOf((text) => void text.replace(everywhere, '.'), letters, 64 * 1024, 16);
    return worst === undefined ? [] : [`${name} over ${JSON.stringify(worst)}`];
  });
  expect(slow).toEqual([]);
});

test('every exception still exists, and has a reason', () => {
  for (const [name, why] of OURS) expect([name, found.has(name), why.length > 0]).toEqual([name, true, true]);
});

test('every expression that the program builds at run time is in the list', () => {
  const makers = [...codes].flatMap(([file, code]) => (/\bRegExp\(/.test(code) ? [file] : []));
  expect(makers.sort()).toEqual([...MADE.keys()].sort());
});
