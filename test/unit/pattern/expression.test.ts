import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import picomatch from 'picomatch';
import { Expression } from '../../../src/pattern/expression.ts';
import { matcher, Pattern } from '../../../src/pattern/index.ts';

/** Globs as people write them, and as nobody should. */
const GLOBS = [
  '**',
  '*',
  '?',
  '**/*',
  '*.log',
  'a/*/b',
  'a/**/b',
  '**/debug',
  'train/*',
  '*loss*',
  '*a*b*c*d*e*',
  '**/*a*/**/*b*/**',
  '{a,b}/c{d,e}f',
  '[a-c]*[!x]',
  '!(a|b)',
  '+(a|aa)',
  '*(a|b|ab)c',
  '@(x|y)?(z)',
  'a/!(*.log)',
  '+(a*)+(b*)',
  '*(*(a))',
  '{1..3}/x',
  '[[:alpha:]]*',
  'a\\*b',
  './a',
  'a/',
  '.hidden/*',
  '**/.git/**',
  'x(y)',
  'a+b',
  'a|b',
  'ü*',
  '[[]',
  '***',
  '*/**/*',
];

/** Longer than the bound of JavaScript's own matcher, so that the other one is asked. */
const text = fc
  .array(fc.constantFrom('a', 'b', 'c', 'x', 'y', '/', '.', '-', 'loss', 'debug', 'a/b', '.log', 'ü', '\n', '1'), { maxLength: 40 })
  .map((parts) => parts.join(''));

describe('an expression of a glob', () => {
  it.each(GLOBS)('matches the same names as JavaScript: %s', (glob) => {
    const native = picomatch.makeRe(glob, { dot: true });
    const expression = new Expression(native.source);
    fc.assert(
      fc.property(text, (name) => {
        expect([name, expression.match(name) !== undefined]).toEqual([name, native.test(name)]);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    '(?<c0>[^/]+?)/(?<c1>[^/]+?)',
    '(?<c0>[^]+?)b(?<c1>[^]+?)',
    '(?:(?<c0>a+)|(?<c1>ab?))*x?',
    '(?<c0>a*?)(?<c1>a*)b{0,2}(?:c|d){2}',
  ])('finds the same parts: %s', (source) => {
    const native = new RegExp(`^(?:${source})$`);
    const expression = new Expression(native.source);
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'x', '/'), { maxLength: 30 }).map((parts) => parts.join('')),
        (name) => {
          const found = native.exec(name);
          // A repeated group forgets what it had in an earlier round to JavaScript; no pattern of ours has one.
          if (source.includes(')*')) expect(expression.match(name) !== undefined).toBe(found !== null);
          else expect(expression.match(name)).toEqual(found === null ? undefined : { ...found.groups });
        },
      ),
      { numRuns: 300 },
    );
  });

  /** A name for which JavaScript's own matcher would take till the end of time, for many of the globs. */
  const worst = ['a', 'ab', 'a/', 'a/b/', 'loss', 'x/y/', '/', '.', 'aab'];

  it('takes work in proportion to the name, for any glob and any name', () => {
    const work = (run: () => void): number => {
      const before = process.threadCpuUsage();
      run();
      const { user, system } = process.threadCpuUsage(before);
      return user + system;
    };
    const slow: string[] = [];
    for (const glob of GLOBS) {
      const isMatch = matcher([glob]);
      const pattern = new Pattern(glob);
      for (const unit of worst) {
        const name = (length: number): string => `${unit.repeat(Math.ceil(length / unit.length))}\n!`;
        const [short, long] = [name(2048), name(8192)];
        const run = (of: string) => () => {
          isMatch(of);
          pattern.match(of);
        };
        const before = work(run(short));
        // Four times the length: linear is four times the work.
        const after = work(run(long));
        if (after > 10 * Math.max(before, 10_000)) slow.push(`${glob} over ${unit}: ${before}, ${after}`);
      }
    }
    expect(slow).toEqual([]);
  });

  it('finishes quickly on names that would keep a regular expression busy', () => {
    const name = `${'a'.repeat(255)}!`;
    for (const glob of ['*a*a*a*a*a*a*a*a*a*a*b', '+(a|aa)b', '+(a*)+(a*)+(a*)b', '*(*(a))b']) expect(matcher([glob])(name)).toBe(false);
    expect(matcher(['**/x/**/y/**/z/**/w'])('x/y/z/'.repeat(600))).toBe(false);
    expect(new Pattern('*loss*').match('loss'.repeat(200_000))).toEqual({});
    expect(new Pattern('{a}-{b}-{c}').match(`${'-'.repeat(4000)}/`)).toBeUndefined();
    // What only JavaScript can match is not asked about endless names.
    expect(new Pattern('{n}*{n}*{n}').match(`${'ab'.repeat(5000)}`)).toBeUndefined();
  });
});
