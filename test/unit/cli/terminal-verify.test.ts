import { describe, expect, test } from '@jest/globals';
import stringWidth from 'string-width';
import { plainStyle, renderVerification } from '../../../src/cli/terminal/index.ts';
import { exitCodeOf, NOTHING_ABSENT, type RunVerdict, totalsOf } from '../../../src/verify/compare/index.ts';
import { RUN_VERDICT, verification } from '../../support/verifications.ts';

const NEXT = 'mirrorboard verify --repair /data/experiments/2024-05-01 --lane mlflow';

function verdict(path: string, counts: Partial<RunVerdict> = {}): RunVerdict {
  return { ...RUN_VERDICT, run: { root: 'experiments', path }, points: 1000, ...counts };
}

function render(runs: readonly RunVerdict[], width: number): string {
  const rendered = verification(
    {},
    {
      where: 'http://127.0.0.1:5000 mirror',
      roots: ['/data/experiments'],
      runs,
      troubled: [{ run: { root: 'experiments', path: 'b' }, file: 'events.out.tfevents.1', why: 'replaced' }],
      bytes: 1_000_000,
      elapsedMs: 1000,
    },
  );
  return renderVerification(rendered, { totals: totalsOf(rendered), examples: [], width, style: plainStyle, next: NEXT });
}

describe('the text of a verification', () => {
  test.each([40, 60])('fits %i columns, except for long words and the suggested command', (width) => {
    const all = {
      missing: 12,
      extra: 3,
      changed: 4,
      allowed: 5,
      refused: 6,
      unsupported: 7,
      leftOut: 8,
      pendingBytes: 123_456,
      incompleteBytes: 42,
    };
    for (const counts of [{}, all]) {
      const text = render([verdict('2024-05-01/seed-17/train', { points: 12_345_678, ...counts }), verdict('b')], width);
      const lines = text.trimEnd().split('\n');
      expect(lines.slice(0, -1).filter((line) => stringWidth(line) > width && line.trim().includes(' '))).toEqual([]);
      expect(lines.at(-1)).toBe(`Next: ${NEXT}`);
      expect(text).toContain('12,345,678');
    }
  });

  test('names refused artifacts and params', () => {
    const rendered = verification({ artifacts: { named: 0, missing: 0, changed: 0, refused: 1, unsupported: 3 } });
    const refused = {
      run: RUN_VERDICT.run,
      tag: undefined,
      kind: 'artifact',
      what: 'file',
      name: 'model.pt',
      mine: 'ab',
      theirs: undefined,
    } as const;
    const examples = [{ ...refused, refused: '413: too large' }];
    const text = renderVerification(rendered, { totals: totalsOf(rendered), examples, width: 200, style: plainStyle, next: NEXT });
    expect(text).toContain('artifact: runs/a, file model.pt: refused: 413: too large');
    expect(text).toContain('1 file refused, 3 files unsupported');
    expect([totalsOf(rendered).differences, exitCodeOf(rendered, false)]).toEqual([1, 1]);
  });

  test('names data that a lane cannot store by its kinds', () => {
    const absent = { ...NOTHING_ABSENT, noPlace: { histograms: 18, images: 1200 } };
    const text = render([verdict('a', { unsupported: 1218, absent }), verdict('b')], 100);
    expect(text).toContain('mlflow does not support 1,218 points: histograms 18, images 1,200');
    expect(render([verdict('b')], 100)).not.toContain('no place');
  });

  test('leaves out zeros on a narrow terminal, and nothing else', () => {
    const head = (counts: Partial<RunVerdict>, width: number): string => render([verdict('b', counts)], width).split('\n')[0] ?? '';
    expect(head({}, 60).split(/ {2,}/)).toEqual(['Run', 'Points', 'Equal']);
    expect(head({ missing: 5, pendingBytes: 100 }, 60).split(/ {2,}/)).toEqual(['Run', 'Points', 'Equal', 'Missing', 'Pending']);
    expect(head({}, 80).split(/ {2,}/)).toHaveLength(9);
  });
});
