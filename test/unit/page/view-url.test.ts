import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DEFAULT_CHART_SETTINGS } from '../../../src/page/model/chart-settings.ts';
import { runSetText, runsOfSet } from '../../../src/page/model/run-set.ts';
import { DEFAULT_VIEW, type View, viewOf, viewText } from '../../../src/page/model/view-url.ts';

const text = fc.string({ unit: 'binary', maxLength: 20 }).map((one) => one.toWellFormed());
const name = text.filter((one) => one !== '');
/** No path has an empty part. */
const part = fc.string({ unit: fc.constantFrom('a', 'b', ',', '(', ')', '\\', 'é'), minLength: 1 });
const id = fc.array(part, { minLength: 1 }).map((parts) => parts.join('/'));

const view: fc.Arbitrary<View> = fc.record({
  route: fc.oneof(
    fc.constantFrom<View['route']>({ view: 'runs' }, { view: 'curves' }, { view: 'lanes' }),
    name.map((run) => ({ view: 'run' as const, run })),
  ),
  filter: text,
  picked: fc.oneof(
    fc.constant<View['picked']>({ kind: 'none' }),
    text.map((regex) => ({ kind: 'match' as const, regex })),
    fc.uniqueArray(id, { minLength: 1 }).map((runs) => ({ kind: 'list' as const, runs: runsOfSet(runSetText(runs)) })),
  ),
  table: fc.record({ order: name, columns: fc.uniqueArray(name), groupBy: text, withHidden: fc.boolean() }),
  charts: fc.record({
    smoothing: fc.double({ min: 0, max: 0.999, noNaN: true }).map((one) => one + 0),
    x: fc.constantFrom('step', 'wall', 'relative'),
    xScale: fc.constantFrom('linear', 'log', 'arcsinh'),
    yScale: fc.constantFrom('linear', 'log', 'arcsinh'),
    ignoreOutliers: fc.boolean(),
    shown: fc.constantFrom('tensorboard', 'python', 'all'),
    xRange: fc.option(
      fc
        .tuple(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.double({ noNaN: true, noDefaultInfinity: true }))
        .map(([a, b]) => [Math.min(a, b) + 0, Math.max(a, b) + 0] as const)
        .filter(([a, b]) => a < b),
    ),
    tagFilter: text,
    pins: fc.uniqueArray(name),
    groupBy: text,
    tab: name,
  }),
});

describe('the text of a view', () => {
  it('reads back as the same view', () => {
    fc.assert(
      fc.property(view, (one) => {
        expect(viewOf(`#${viewText(one)}`)).toEqual(one);
      }),
    );
  });

  it('has only characters that a link keeps, whatever is in the names', () => {
    fc.assert(
      fc.property(view, (one) => {
        const written = viewText(one);
        expect(new URL(`http://localhost/#${written}`).hash).toBe(`#${written}`);
        expect(written).toMatch(/^[\w\-.~!$&'()*+,;=:@/?%[\]|]*$/);
      }),
    );
  });

  it('is short: a new view has nothing but its name', () => {
    expect(viewText(DEFAULT_VIEW)).toBe('/runs');
    expect(
      viewText({
        ...DEFAULT_VIEW,
        route: { view: 'curves' },
        filter: 'lr>1e-4 has:val/*',
        picked: { kind: 'list', runs: ['logs/exp1/seed0', 'logs/exp1/seed1', 'logs/base'] },
        charts: { ...DEFAULT_CHART_SETTINGS, smoothing: 0.6, yScale: 'log', xRange: [0, 1500] },
      }),
    ).toBe('/curves?filter=lr%3E1e-4+has:val/*&runs=logs/(base,exp1/(seed0,seed1))&smooth=0.6&yscale=log&range=0..1500');
  });

  it.each([
    ['', DEFAULT_VIEW],
    ['#/nonsense?x=10&smooth=2&range=5..1&yscale=cubic&%', DEFAULT_VIEW],
    ['#/curves', { ...DEFAULT_VIEW, route: { view: 'curves' } }],
    ['#/runs?filter=%E0%A4%A', { ...DEFAULT_VIEW, filter: '%E0%A4%A' }],
  ])('that nobody of ours wrote, %j, gives a view', (given, expected) => {
    expect(viewOf(given)).toEqual(expected);
  });
});

describe('the text of a list of runs', () => {
  it('reads back as the same runs', () => {
    fc.assert(
      fc.property(fc.uniqueArray(id), (runs) => {
        expect([...runsOfSet(runSetText(runs))].sort()).toEqual([...runs].sort());
      }),
    );
  });

  it.each(['(', ')', '\\', 'a/(b,c', 'a))b', ',,', '(()'])('gives what can be read of %j', (given) => {
    expect(Array.isArray(runsOfSet(given))).toBe(true);
  });
});
