import { describe, expect, it } from '@jest/globals';
import { csvLines, fileNameOf, jsonLine } from '../../../../src/page/model/chart-csv.ts';
import { type ChartScene, pixelsIn, traceBand, traceLine } from '../../../../src/page/model/chart-scene.ts';
import { chartSvg } from '../../../../src/page/model/chart-svg.ts';
import { type CurveJson, readCurve } from '../../../../src/page/model/curve.ts';
import { plotOf } from '../../../../src/page/model/plot.ts';
import { runParts, shortNames } from '../../../../src/page/model/request-parts.ts';
import { stepRanges } from '../../../../src/page/model/step-ranges.ts';
import { groupTags, tagPattern } from '../../../../src/page/model/tag-groups.ts';
import { durationText, wallTimeText, xText, xTicks } from '../../../../src/page/model/time-ticks.ts';

const HOSTILE = '=cmd|" /C calc"!A0,<script>alert(1)</script>\u0000\ud800';
const exact: CurveJson = {
  id: 'logs/a',
  tag: 'loss',
  count: 4,
  data: { kind: 'exact', step: [0, 1, 2, '9007199254740993'], wall_time: [1.5, 2, 3, 4], value: [0.1, -0, 'NaN', '9007199254740993'] },
};

describe('downloads', () => {
  it('have every digit as CSV', () => {
    const wide = '9007199254740993';
    expect(csvLines(exact)).toBe(`logs/a,loss,0,1.5,0.1\nlogs/a,loss,1,2,-0.0\nlogs/a,loss,2,3,NaN\nlogs/a,loss,${wide},4,${wide}\n`);
  });

  it('are valid JSON that keeps negative zero', () => {
    const line = jsonLine(exact);
    expect(JSON.parse(line)).toEqual({
      run: 'logs/a',
      tag: 'loss',
      ...{ step: [0, 1, 2, '9007199254740993'] },
      wall_time: [1.5, 2, 3, 4],
      value: [0.1, -0, 'NaN', '9007199254740993'],
    });
    expect(line).toContain('-0.0');
  });

  it('refuse buckets, which have fewer points than the store', () => {
    const data = { kind: 'buckets' as const, count: [2], first_step: [0], last_step: [1], first_wall_time: [0], last_wall_time: [1] };
    const curve: CurveJson = { ...exact, data: { ...data, min: [0], max: [1], last: [1], nan: [0] } };
    expect(() => csvLines(curve)).toThrow('buckets');
    expect(() => jsonLine(curve)).toThrow('buckets');
  });

  it('make no formula and no second field of a name from a log', () => {
    const [line] = csvLines({ ...exact, tag: HOSTILE }).split('\n');
    expect(line).toBe(`logs/a,"'=cmd|"" /C calc""!A0,<script>alert(1)</script>\u0000\ud800",0,1.5,0.1`);
  });

  it('have names that every file system takes', () => {
    expect(fileNameOf('../train/lo ss', 'csv')).toBe('train-lo-ss.csv');
    expect(fileNameOf('///', 'svg')).toBe('chart.svg');
    expect(fileNameOf('a'.repeat(500), 'png')).toHaveLength(84);
  });
});

describe('chartSvg', () => {
  const scene: ChartScene = {
    title: HOSTILE,
    xAxis: 'step',
    x: { kind: 'linear', range: [0, 3] },
    y: { kind: 'linear', range: [0, 1] },
    zone: 0,
    plots: [{ plot: plotOf(readCurve(exact), { x: 'step', smoothing: 0 }), label: HOSTILE, colour: '#123456', isHighlighted: false }],
  };

  it('draws lines, marks and a legend', () => {
    const svg = chartSvg(scene, { width: 600, height: 300, theme: 'light' });
    expect(svg).toContain('M64 246.4L237.33 270');
    expect(svg).toContain('l6 6m0 -6l-6 6');
    expect(svg.match(/#123456/g)?.length).toBeGreaterThanOrEqual(3);
  });

  it('has texts of logs as texts, without signs that XML forbids', () => {
    const svg = chartSvg(scene, { width: 600, height: 300, theme: 'dark' });
    expect(svg).not.toContain('<script');
    expect(svg).toContain('&lt;script&gt;');
    expect(/[\p{Cs}\p{Cc}]/u.test(svg.replaceAll('\n', ''))).toBe(false);
  });
});

describe('lines and bands', () => {
  const pen = () => {
    const calls: string[] = [];
    const note = (name: string) => (x: number, y: number) => calls.push(`${name} ${x} ${y}`);
    return { calls, moveTo: note('M'), lineTo: note('L'), closePath: () => calls.push('Z') };
  };
  const to = pixelsIn({ left: 0, top: 0, width: 10, height: 10 }, { kind: 'linear', range: [0, 10] }, { kind: 'log', range: [1, 10] });

  it('stop at gaps, and at what a log scale cannot show', () => {
    const drawn = pen();
    traceLine(drawn, Float64Array.of(0, 1, 2, 3, 4), Float64Array.of(1, 10, 0, 1, Number.NaN), to);
    expect(drawn.calls).toEqual(['M 0 10', 'L 1 0', 'M 3 10']);
  });

  it('fill between both ends, in stretches', () => {
    const drawn = pen();
    const [low, high] = [Float64Array.of(1, 1, Number.NaN, 1), Float64Array.of(10, 10, 10, 10)];
    traceBand(drawn, { ...({} as never as object), x: Float64Array.of(0, 1, 2, 3), low, high } as never, to);
    expect(drawn.calls).toEqual(['M 0 0', 'L 1 0', 'L 1 10', 'L 0 10', 'Z']);
  });
});

describe('tags', () => {
  it('are grouped by what stands before the slash, in natural order', () => {
    expect(groupTags(['loss', 'val/b10', 'val/b9', 'a/x/y'])).toEqual([
      { prefix: '', tags: ['loss'] },
      { prefix: 'a', tags: ['a/x/y'] },
      { prefix: 'val', tags: ['val/b9', 'val/b10'] },
    ]);
  });

  it('are filtered by an expression, or the page says what is wrong with it', () => {
    const pattern = tagPattern('LOSS$');
    expect('test' in pattern && ['val/loss', 'loss2'].map(pattern.test)).toEqual([true, false]);
    expect(tagPattern('(')).toEqual({ problem: expect.stringContaining('Invalid regular expression') });
    const all = tagPattern('');
    expect('test' in all && all.test('\u0000')).toBe(true);
  });
});

describe('runs of requests', () => {
  it('are divided by number and by the length of their names', () => {
    expect(runParts(['a', 'b', 'c'], 2)).toEqual([['a', 'b'], ['c']]);
    const long = Array.from({ length: 4 }, (_, i) => `${i}${'é'.repeat(400)}`);
    expect(runParts(long, 100).map(({ length }) => length)).toEqual([2, 2]);
    expect(runParts([], 2)).toEqual([]);
    expect(runParts(['\ud800'], 2)).toEqual([['\ud800']]);
  });

  it('have short names without the folders of all', () => {
    expect([...shortNames(['logs/x/a', 'logs/x/b/c']).values()]).toEqual(['a', 'b/c']);
    expect([...shortNames(['logs/x', 'logs/x/b']).values()]).toEqual(['x', 'x/b']);
    expect([...shortNames(['logs', 'logs/x']).values()]).toEqual(['logs', 'logs/x']);
    expect([...shortNames(['logs/x']).values()]).toEqual(['x']);
  });
});

describe('stepRanges', () => {
  const curve = (id: string, steps: readonly number[], perStep: number) =>
    readCurve({ id, tag: 't', count: 9, data: { kind: 'exact', step: steps, wall_time: steps.map((at) => at * perStep), value: steps } });
  const hundred = Array.from({ length: 101 }, (_, i) => i);

  it('asks for the visible steps, in full', () => {
    const curves = [curve('a', hundred, 1), curve('b', hundred, 2)];
    expect(stepRanges(curves, 'step', [10.2, 19.5], new Map())).toEqual([{ runs: ['a', 'b'], from: 10, to: 20 }]);
  });

  it('asks for no step that the API refuses', () => {
    const curves = [curve('a', hundred, 1)];
    expect(stepRanges(curves, 'step', [-1e300, 1e300], new Map())).toEqual([
      { runs: ['a'], from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER },
    ]);
    expect(stepRanges(curves, 'step', [1e200, 1e300], new Map())).toEqual([]);
  });

  it('finds the steps of a range of time, together for runs with about the same', () => {
    const curves = [curve('a', hundred, 1), curve('b', hundred, 1.1), curve('slow', hundred, 10)];
    const starts = new Map(curves.map(({ id }) => [id, 0]));
    expect(stepRanges(curves, 'wall', [40, 60], starts)).toEqual([
      { runs: ['slow'], from: 4, to: 6 },
      { runs: ['b', 'a'], from: 37, to: 60 },
    ]);
    expect(stepRanges(curves, 'relative', [900, 2000], starts)).toEqual([{ runs: ['slow'], from: 90, to: 100 }]);
  });
});

describe('axes of time', () => {
  it('have ticks at round times, in local time', () => {
    const noon = Date.UTC(2026, 0, 2, 12) / 1000;
    expect(xTicks('wall', 'linear', [noon, noon + 5 * 3600], 5).map((tick) => xText('wall', tick, 3600))).toEqual([
      '12:00',
      '13:00',
      '14:00',
      '15:00',
      '16:00',
      '17:00',
    ]);
    // Five and a half hours ahead of UTC: midnight there is at 18:30.
    const zone = 5.5 * 3600;
    const days = xTicks('wall', 'linear', [noon, noon + 3 * 86_400], 3, zone);
    expect(days.map((tick) => new Date(tick * 1000).toISOString().slice(11, 16))).toEqual(['18:30', '18:30', '18:30']);
    expect(days.map((tick) => xText('wall', tick, 86_400, zone))).toEqual(['2026-01-03', '2026-01-04', '2026-01-05']);
  });

  it('write durations and large steps short', () => {
    expect([45, 90, 5400, 90_000, -60].map((seconds) => durationText(seconds))).toEqual(['45s', '1m 30s', '1h 30m', '1d 1h', '-1m']);
    expect([0, 99_999, 150_000, 1_250_000].map((step) => xText('step', step, 1))).toEqual(['0', '99999', '150k', '1.25M']);
  });

  it('have only whole steps', () => {
    expect(xTicks('step', 'linear', [0, 2], 8)).toEqual([0, 1, 2]);
  });

  it('write a wall time in full, and any number that is none', () => {
    expect(wallTimeText(0.125)).toBe('1970-01-01 00:00:00.125');
    expect([wallTimeText(Number.NaN), wallTimeText(1e300)]).toEqual(['NaN', '1e300']);
  });
});
