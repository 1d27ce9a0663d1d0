import { describe, expect, it } from '@jest/globals';
import { capabilities } from '../../../src/backend-kit/index.ts';

describe('the capabilities of a backend that declares little', () => {
  const little = capabilities({ name: 'little', holds: { scalars: 'native' } });

  it('store no kind that it does not name', () => {
    const { scalars, ...others } = little.holds;
    expect(scalars).toBe('native');
    expect(Object.keys(others)).toHaveLength(10);
    expect(new Set(Object.values(others))).toEqual(new Set(['none']));
  });

  it('promise to keep every bit, so that verify counts each loss', () => {
    expect(Object.values(little.keeps)).toEqual(Array(6).fill(true));
    expect(little).toMatchObject({ replacesByKey: true, readBack: 'full', ownsPosition: false, needsJournal: false, caps: {} });
    expect(little.limits).toEqual({ pointsPerSend: 10_000, bytesPerSend: 4 * 1024 * 1024, runsPerSend: 1 });
  });
});

describe('the capabilities of a backend that declares more', () => {
  it('use its default for a kind that it does not name', () => {
    const { holds } = capabilities({ name: 'files', holds: { scalars: 'native', mesh: 'none', other: 'artifact' } });
    expect(holds).toMatchObject({ scalars: 'native', mesh: 'none', audio: 'artifact', other: 'artifact' });
  });

  it('replace defaults one by one', () => {
    const said = capabilities({
      name: 'slow',
      holds: {},
      limits: { runsPerSend: 3, gatherMs: 50 },
      keeps: { nan: false },
      replacesByKey: false,
    });
    expect(said.limits).toEqual({ pointsPerSend: 10_000, bytesPerSend: 4 * 1024 * 1024, runsPerSend: 3, gatherMs: 50 });
    expect(said.keeps).toMatchObject({ nan: false, step: true });
    expect(said.replacesByKey).toBe(false);
  });
});
