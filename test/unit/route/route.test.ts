import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Kind } from '../../../src/model/index.ts';
import {
  type Around,
  assignedGroup,
  Fold,
  isWidened,
  type LaneFacts,
  LaneRoute,
  Names,
  type RouteRule,
  renamed,
} from '../../../src/route/index.ts';

const at = { location: 'm.yaml:1:1' };

/** The rules as one lane sees them. */
function routeOf(
  rules: readonly Omit<RouteRule, 'location'>[],
  lane = 'mlflow',
  holds: readonly Kind[] = ['scalars', 'images'],
): LaneRoute {
  return new LaneRoute({
    rules: rules.map((rule) => ({ ...at, ...rule })),
    lane,
    lanes: [{ name: lane, holds: (kind) => holds.includes(kind), features: ['artifacts'] }],
    base: 'local',
    expand: (template, { path }) => template.replace('{path[0]}', path.split('/')[0] ?? ''),
  });
}

const run = (path: string) => ({ root: 'logs', path });
const isIn = (route: LaneRoute, path: string): boolean => route.run(run(path), run(path)).isIncluded;
const every = (route: LaneRoute, tag: string, plugin = 'scalars'): number => route.run(run('a'), run('a')).series(tag, plugin).every;

describe('routes of whole runs', () => {
  it('pass everything if there are none', () => {
    const { isIncluded, isWhole } = routeOf([]).run(run('a'), run('a'));
    expect([isIncluded, isWhole]).toEqual([true, true]);
  });

  it('narrow by lanes, except and drop, each the result of the earlier ones', () => {
    const rules = [
      { runs: ['debug/**'], lanes: ['local'] },
      { runs: ['tmp'], drop: true },
      { runs: ['big'], except: ['mlflow'] },
    ];
    expect(['debug/a', 'tmp/x', 'big', 'other'].map((path) => isIn(routeOf(rules), path))).toEqual([false, false, false, true]);
    expect(['debug/a', 'tmp/x', 'big', 'other'].map((path) => isIn(routeOf(rules, 'aim'), path))).toEqual([false, false, true, true]);
  });

  it('apply only to their lanes', () => {
    expect(isIn(routeOf([{ on: ['aim'], drop: true }]), 'a')).toBe(true);
    expect(isIn(routeOf([{ on: ['aim'], drop: true }], 'aim'), 'a')).toBe(false);
  });

  it('choose lanes by their features, and a base in any case', () => {
    expect(isIn(routeOf([{ needs: ['images', 'artifacts'] }]), 'a')).toBe(true);
    expect(isIn(routeOf([{ needs: ['audio'] }]), 'a')).toBe(false);
    // A tracker that holds any kind of point, also of plugins that nobody knows, is not good for everything.
    const holdsAll: LaneFacts = { name: 'mlflow', holds: () => true, features: ['artifacts'] };
    const needy = (need: string): RouteRule => ({ ...at, needs: [need] });
    const chosen = ['artifacts', 'registry', 'visualization', 'audio'].filter((need) =>
      isIn(new LaneRoute({ rules: [needy(need)], lane: 'mlflow', lanes: [holdsAll], base: 'local', expand: (template) => template }), 'a'),
    );
    expect(chosen).toEqual(['artifacts', 'audio']);
    expect(isIn(routeOf([{ needs: ['collaboration'] }]), 'a')).toBe(false);
    expect(isIn(routeOf([{ needs: ['audio'], base: 'mlflow' }]), 'a')).toBe(true);
    expect(routeOf([{ needs: ['audio'] }]).run(run('a'), run('a')).why).toEqual(['m.yaml:1:1: has no audio']);
  });
});

describe('routes of series', () => {
  it('leave out by tag and kind', () => {
    const route = routeOf([
      { tags: ['gradients/**'], except: ['mlflow'] },
      { kinds: ['histograms'], drop: true },
    ]);
    expect([every(route, 'gradients/a'), every(route, 'w', 'histograms'), every(route, 'loss')]).toEqual([0, 0, 1]);
  });

  it('thin by the last rule that matches them', () => {
    const route = routeOf([{ every: 10 }, { tags: ['loss'], every: 1 }, { tags: ['acc'], every: 5 }]);
    expect([every(route, 'x'), every(route, 'acc')]).toEqual([10, 5]);
  });

  it('rename by the named parts of the pattern, and the last rule has priority', () => {
    const renames = [
      { tags: ['old/{rest}'], rename: 'new/{rest}' },
      { kinds: ['images'], rename: 'pictures/{tag}' },
    ];
    expect(renamed(renames, 'old/loss', 'scalars', 'r')).toBe('new/loss');
    expect(renamed(renames, 'old/loss', 'images', 'r')).toBe('pictures/old/loss');
    expect(renamed(renames, 'other', 'scalars', 'r')).toBe('other');
  });
});

describe('random groups', () => {
  const groups = { a: ['mlflow'], b: ['wandb'], both: ['mlflow', 'wandb'] };

  it('stay as they were in earlier versions: another hash would move every run', () => {
    const drawn = ['x', 'y', 'z', '1', '2'].map((path) => assignedGroup({ groups, weights: {} }, JSON.stringify(['logs', path])));
    expect(drawn).toEqual(['both', 'b', 'a', 'b', 'a']);
  });

  it('are chosen in proportion to their weights', () => {
    const counts = { a: 0, b: 0, both: 0 };
    const of = (i: number) => assignedGroup({ groups, weights: { a: 1, b: 1, both: 2 } }, String(i)) as keyof typeof counts;
    for (let i = 0; i < 4000; i++) counts[of(i)]++;
    expect(counts.both / 4000).toBeGreaterThan(0.46);
    expect(counts.both / 4000).toBeLessThan(0.54);
    expect(counts.a / counts.b).toBeGreaterThan(0.85);
  });

  it('move no run between old groups when one is added', () => {
    fc.assert(
      fc.property(fc.string(), (key) => {
        const before = assignedGroup({ groups, weights: {} }, key);
        const after = assignedGroup({ groups: { ...groups, c: ['aim'] }, weights: {} }, key);
        return after === before || after === 'c';
      }),
    );
  });

  it('are the same for runs that share a key, and include the lanes of the group', () => {
    const rule = { assign: { by: '{path[0]}', groups, weights: {}, tag: 't' } };
    const drawn = ['e/1', 'e/2', 'e/3'].map((path) => routeOf([rule]).run(run(path), run(path)).group);
    expect(new Set(drawn).size).toBe(1);
    const isMlflow = drawn[0] !== 'b';
    expect([isIn(routeOf([rule]), 'e/1'), isIn(routeOf([rule], 'wandb'), 'e/1')]).toEqual([isMlflow, drawn[0] !== 'a']);
  });
});

describe('folding', () => {
  const beside = (names: readonly string[], firsts: readonly string[] = []): Around => ({
    directoriesBelow: () => names,
    isFirst: (path) => firsts.includes(path),
  });
  const alone = beside([]);

  it.each([
    ['exp/train', 'exp', 'train/'],
    ['train', '.', 'train/'],
    ['exp/train/eval_1', 'exp', 'train/eval_1/'],
    ['exp/trainer', 'exp/trainer', ''],
    ['exp', 'exp', ''],
    ['.', '.', ''],
    ['exp/tb/version_0', 'exp', ''],
    ['exp/tb/version_0/train', 'exp', 'train/'],
    ['exp/train/tb', 'exp', 'train/'],
  ])('puts %s into %s', (path, target, prefix) => {
    expect(new Fold({ names: ['train', 'validation', 'eval_*'], flat: ['tb', 'version_*'], hparams: false }).apply(path, alone)).toEqual({
      path: target,
      prefix,
    });
  });

  it('takes the first directory of hparams into its run, and leaves later ones alone', () => {
    const fold = new Fold({ names: [], flat: [], hparams: true });
    const all = ['1795336150.5', 'train', '1795336149.9', '1795336149.123', 'other'];
    expect(fold.apply('exp/1795336149.123', beside(all))).toEqual({ path: 'exp', prefix: '' });
    expect(fold.apply('exp/1795336149.9', beside(all))).toEqual({ path: 'exp/1795336149.9', prefix: '' });
    expect(fold.apply('exp/1795336150.5', beside(all)).path).toBe('exp/1795336150.5');
    expect(fold.apply('exp/1795336150.5', beside(['train'])).path).toBe('exp');
    expect(fold.apply('1795336150.5', beside(all)).path).toBe('1795336150.5');
    expect(fold.apply('exp/trial_1', alone).path).toBe('exp/trial_1');
  });

  it('keeps the names of the first of several flat directories of one pattern, and distinguishes the others by their own', () => {
    const fold = new Fold({ names: ['train'], flat: ['tb', 'logs', 'version_*'], hparams: false });
    const all = ['version_10', 'version_2', 'tb', 'logs'];
    expect(fold.apply('exp/version_2', beside(all))).toEqual({ path: 'exp', prefix: '' });
    expect(fold.apply('exp/version_10/train', beside(all))).toEqual({ path: 'exp', prefix: 'version_10/train/' });
    // Those that are written out are what they are, wherever else tags come from.
    for (const name of ['tb', 'logs']) expect(fold.apply(`exp/${name}`, beside(all))).toEqual({ path: 'exp', prefix: '' });
  });

  it('keeps the directory that was treated as the first, and warns about one that would come before it', () => {
    const fold = new Fold({ names: [], flat: ['version_*'], hparams: true });
    const late = beside(['1795336150.5', '1795336149.5', 'version_1', 'version_0'], ['exp/1795336150.5', 'exp/version_1']);
    expect(fold.apply('exp/1795336149.5', late).path).toBe('exp/1795336149.5');
    expect(fold.apply('exp/1795336150.5', late).path).toBe('exp');
    expect(fold.apply('exp/version_0', late).prefix).toBe('version_0/');
    expect(fold.overtaken('exp/1795336149.5', late)).toBe('exp/1795336150.5');
    expect(fold.overtaken('exp/version_0', late)).toBe('exp/version_1');
    expect(fold.overtaken('exp/version_1', late)).toBeUndefined();
  });

  it('is open only if a directory that appears later may be the first', () => {
    const fold = new Fold({ names: ['train'], flat: ['tb', 'version_*'], hparams: true });
    const around = beside(['version_1', 'version_2', '1795336150.5']);
    const open = (path: string): boolean => fold.isOpen(path, around);
    expect(['exp', 'exp/train', 'exp/tb', 'exp/version_2', 'exp/1795336151.5'].filter(open)).toEqual([]);
    expect(['exp/version_1', 'exp/version_1/train', 'exp/1795336150.5'].filter(open)).toHaveLength(3);
    expect(fold.isOpen('exp/version_1', beside(['version_1'], ['exp/version_1']))).toBe(false);
    expect(fold.asksForOthers).toBe(true);
    expect(new Fold({ names: ['eval_*'], flat: ['tb'], hparams: false }).asksForOthers).toBe(false);
  });

  it.each([
    ['exp/version_1/train', { path: 'exp', prefix: 'train/' }, ['exp/version_1']],
    ['exp/version_1/train', { path: 'exp', prefix: 'version_1/train/' }, []],
    ['exp/1795336150.5', { path: 'exp', prefix: '' }, ['exp/1795336150.5']],
    ['exp/1795336150.5', { path: 'exp/1795336150.5', prefix: '' }, []],
    ['version_1', { path: '.', prefix: '' }, ['version_1']],
    ['exp/train', { path: 'exp', prefix: 'train/' }, []],
  ])('knows by the place in %s which directory was treated as the first: %j', (path, place, firsts) => {
    expect(new Fold({ names: ['train'], flat: ['version_*'], hparams: true }).firstsIn(path, place)).toEqual(firsts);
  });

  it('gives each series of a tracker run its own name', () => {
    const names = new Names();
    expect([names.take('train/loss', 'one'), names.take('train/loss', 'two'), names.take('train/loss', 'one')]).toEqual([
      'train/loss',
      'train/loss_2',
      'train/loss',
    ]);
  });
});

describe('points that were left out', () => {
  it.each([
    [0, 1, true],
    [0, 10, true],
    [10, 1, true],
    [10, 5, true],
    [5, 10, false],
    [10, 10, false],
    [1, 0, false],
    [10, 0, false],
  ])('%i, then %i: the route is wider is %s', (before, now, isWider) => {
    expect(isWidened(before, now)).toBe(isWider);
  });
});
