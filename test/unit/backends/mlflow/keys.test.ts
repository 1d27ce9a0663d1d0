import { posix } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fileNameOf, keyOf, tagOf } from '../../../../src/backends/mlflow/keys.ts';

/** What the server takes: its pattern, and only what is its own normal path. */
function isLegal(key: string): boolean {
  const normal = posix.normalize(key);
  return (
    /^[/\p{L}\p{N}_.\- :]+$/u.test(key) &&
    normal === key &&
    !key.startsWith('/') &&
    !key.endsWith('/') &&
    key !== '.' &&
    !key.startsWith('..')
  );
}

describe('names of metrics', () => {
  test.each(['loss', 'train/loss', 'Überlänge/层', 'a b', 'layer.x_proj/weight', 'epoch-1.5', '.hidden'])('keep %s unchanged', (tag) =>
    expect(keyOf(tag)).toBe(tag),
  );

  test.each([
    ['', '.x.'],
    ['acc@5', 'acc.x40.5'],
    ['loss:0', 'loss.x3a.0'],
    ['a//b/', 'a/.x2f.b.x2f.'],
    ['./a', '.x2e./a'],
    ['a/../b', 'a/.x2e..x2e./b'],
    ['a.x40.5', 'a.x2e.x40.5'],
    ['mirrorboard.derived/a', '.x6d.irrorboard.derived/a'],
    ['🎉', '.x1f389.'],
  ])('encode %j as %j', (tag, key) => {
    expect(keyOf(tag)).toBe(key);
    expect(tagOf(key)).toBe(tag);
  });

  const tags = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc
      .array(fc.constantFrom('.', 'x', '/', '2', 'f', '(', ' ', '\n', '~', 'ä', '..', '.x', '.x2e.', '%'), { maxLength: 14 })
      .map((parts) => parts.join('')),
  );

  test('are valid and reversible', () => {
    fc.assert(
      fc.property(tags, fc.boolean(), (tag, isFlat) => {
        const key = keyOf(tag, { isFlat });
        if ([...key].length <= 250 && !/\.h[0-9a-f]{16}$/.test(key)) expect(tagOf(key)).toBe(tag);
        expect(isLegal(key)).toBe(true);
        if (isFlat) expect(key).not.toContain('/');
      }),
      { numRuns: 2000 },
    );
  });

  test('are cut to the limit of the server, and still differ', () => {
    const [a, b] = [keyOf(`${'ä/'.repeat(200)}1`), keyOf(`${'ä/'.repeat(200)}2`)];
    expect([...a].length).toBeLessThanOrEqual(250);
    expect(a).not.toBe(b);
    expect(isLegal(a)).toBe(true);
  });

  test('of files have no part that a path, the grid or the proxy would misread', () => {
    fc.assert(
      fc.property(tags, (tag) => {
        const name = fileNameOf(tag);
        expect(name).toMatch(/^[A-Za-z0-9_\-. ~]+$/);
        expect(name).not.toMatch(/^\.{1,2}$|\.\.$/);
        expect(name.length).toBeLessThanOrEqual(120);
      }),
      { numRuns: 1000 },
    );
    expect(fileNameOf('a/b c')).toBe('a~b c');
  });
});
