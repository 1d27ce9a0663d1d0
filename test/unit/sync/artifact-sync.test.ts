import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, lchownSync, mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ArtifactRules } from '../../../src/artifacts/index.ts';
import type { ArtifactFile, Backend, Handle, RunParam } from '../../../src/contract/index.ts';
import type { TrackerLane } from '../../../src/delivery/index.ts';
import type { ArtifactState, LaneView } from '../../../src/state/index.ts';
import { ArtifactSync } from '../../../src/sync/artifact-sync.ts';
import { SyncedRun } from '../../../src/sync/synced-run.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const isRoot = process.getuid?.() === 0;
const OLD = Date.now() / 1000 - 3600;
const RULES: ArtifactRules = {
  params: [{ location: '', files: ['*.yaml'], tags: [], prefix: '' }],
  artifacts: [{ location: '', files: ['*.pt'], modelTags: {} }],
};

let base = '';
let root = '';
beforeEach(() => {
  base = temporaryFolder();
  root = join(base, 'root');
  mkdirSync(root);
});
function make(path: string, text: string): string {
  const full = join(base, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
  utimesSync(full, OLD, OLD);
  return full;
}

/** A lane that keeps in memory what it is given. */
class Lane {
  readonly params: RunParam[] = [];
  readonly files = new Map<string, string>();
  readonly states = new Map<string, ArtifactState>();
  readonly warnings: string[] = [];
  readonly end = new AbortController();
  /** Called while a file is on its way. */
  onFile: (file: ArtifactFile) => void | Promise<void> = () => undefined;
  /** Of the tracker run; undefined where nothing was sent. */
  handle: Handle | undefined = 'handle' as Handle;
  /** How often the files were asked for texts that were sent before. */
  pastLooks = 0;
  /** Whether the tracker takes no file at the moment. */
  isOut = false;
  readonly refusesAlways: string[] = [];
  /** Names of params that are refused. */
  readonly refusedParams = new Set<string>();
  readonly tried: string[] = [];
  readonly feed: ArtifactSync;

  constructor(rules = RULES) {
    const backend: Partial<Backend> = {
      setParams: async (_, params) => {
        for (const param of params) this.params.push(param);
        return params.map(({ name }) => (this.refusedParams.has(name) ? { kind: 'refused', reason: 'no' } : { kind: 'set' }));
      },
      putFile: async (_, file) => {
        await this.onFile(file);
        if (this.isOut || this.refusesAlways.includes(file.path)) return { kind: 'refused', reason: '413' };
        const pieces: Uint8Array[] = [];
        for await (const piece of file.read()) pieces.push(piece);
        this.files.set(file.path, Buffer.concat(pieces).toString());
        return { kind: 'stored' };
      },
      // The lane's patience: it is back when it was waited for.
      tryOut: async (_, kind) => {
        this.tried.push(kind);
        this.isOut = false;
      },
    };
    const delivery = {
      isParked: false,
      attempt: async (work: (signal: AbortSignal) => Promise<unknown>) => ({ kind: 'done', value: await work(this.end.signal) }),
    };
    const laneState = {
      artifacts: (run: { path: string }) => [...this.states].flatMap(([key, state]) => (key.startsWith(`${run.path} `) ? [state] : [])),
      handle: () => this.handle,
    };
    this.feed = new ArtifactSync({
      lane: 'x',
      backend: backend as Backend,
      delivery: delivery as unknown as TrackerLane,
      laneState: laneState as unknown as LaneView,
      states: { artifact: (run, state) => this.states.set(`${run.path} ${state.path} ${state.rule}`, state) },
      rules,
      open: async () => this.handle,
      isOther: () => false,
      isOwner: () => true,
      pastTexts: () => {
        this.pastLooks++;
        return (async function* () {})();
      },
      warn: (message, facts) => this.warnings.push(`${message} ${JSON.stringify(facts)}`),
      signal: this.end.signal,
    });
  }

  outcome(path: string): ArtifactState['outcome'] | undefined {
    return [...this.states.values()].find((state) => state.path === path)?.outcome;
  }
}

const run = (path = 'run'): SyncedRun => new SyncedRun({ root: 'logs', path }, { path: root, links: 'owner' }, 0);

describe('files next to the event files', () => {
  (isRoot ? it : it.skip)(
    "are not read through another user's link: they are named, and the report has none of their content",
    async () => {
      make('out/secret.yaml', 'db_password: hunter2\n');
      make('out/shadow', 'root:hunter2:');
      make('root/run/own.yaml', 'lr: 0.1\n');
      for (const [name, target] of [
        ['hparams.yaml', '../../out/secret.yaml'],
        ['shadow.pt', '../../out/shadow'],
      ] as const) {
        symlinkSync(target, join(root, 'run', name));
        lchownSync(join(root, 'run', name), 65534, 65534);
      }
      const lane = new Lane();
      expect(await lane.feed.look(run())).toBe(true);
      expect(lane.params).toEqual([{ name: 'lr', value: 0.1 }]);
      expect(lane.files.size).toBe(0);
      expect(lane.outcome('hparams.yaml')).toMatchObject({ kind: 'refused', reason: expect.stringContaining('belongs to user 65534') });
      expect(lane.outcome('shadow.pt')).toMatchObject({ kind: 'refused' });
      expect(lane.warnings.join('\n')).not.toContain('hunter2');
      const said = lane.warnings.length;
      await lane.feed.look(run());
      expect(lane.warnings).toHaveLength(said);
    },
  );

  it('count as refused only if the tracker accepts others at the same time', async () => {
    make('root/run/a.pt', 'a');
    make('root/run/b.pt', 'b');
    const lane = new Lane();
    lane.isOut = true;
    lane.refusesAlways.push('b.pt');
    expect(await lane.feed.look(run())).toBe(true);
    expect([...lane.files]).toEqual([['a.pt', 'a']]);
    expect([lane.outcome('a.pt'), lane.outcome('b.pt')]).toMatchObject([{ kind: 'done' }, { kind: 'refused', reason: '413' }]);
    expect(new Set(lane.tried)).toEqual(new Set(['files']));
  });

  it('report the number of refused params, after others were tried', async () => {
    make('root/run/a.yaml', 'lr: 0.1\nb: 2\n');
    const lane = new Lane();
    lane.refusedParams.add('b');
    await lane.feed.look(run());
    expect(lane.outcome('a.yaml')).toMatchObject({ kind: 'refused', reason: '1 of 2 params: b: no' });
    expect(lane.tried).toEqual(['params', 'params']);
  });

  it('are retried long after they were refused, and reported once', async () => {
    make('root/run/a.pt', 'a');
    const lane = new Lane();
    lane.refusesAlways.push('a.pt');
    let asked = 0;
    lane.onFile = () => void asked++;
    const past = (ms: number): void => {
      for (const [key, state] of lane.states) lane.states.set(key, { ...state, outcome: { ...state.outcome, askedAtMs: Date.now() - ms } });
    };
    await lane.feed.look(run());
    expect(asked).toBe(3);
    await lane.feed.look(run());
    past(3600_000);
    await lane.feed.look(run());
    expect(asked).toBe(3);
    past(24 * 3600_000);
    await lane.feed.look(run());
    // Known for refused, it is asked for once.
    expect([asked, lane.warnings.length]).toEqual([4, 1]);
    // A clock that was wrong holds nothing back.
    past(-24 * 3600_000);
    lane.refusesAlways.pop();
    await lane.feed.look(run());
    expect([asked, lane.outcome('a.pt')]).toEqual([5, { kind: 'done' }]);
  });

  it('cannot be pipes or files in /proc: these are named at once', async () => {
    make('root/run/own.yaml', 'lr: 0.1\n');
    execFileSync('mkfifo', [join(root, 'run/pipe.yaml'), join(root, 'run/pipe.pt')]);
    if (existsSync('/proc/self/environ')) symlinkSync('/proc/self/environ', join(root, 'run/environ.pt'));
    const lane = new Lane();
    expect(await lane.feed.look(run())).toBe(true);
    expect(lane.params).toHaveLength(1);
    expect(lane.outcome('pipe.yaml')).toEqual({ kind: 'refused', reason: 'it is not a regular file but a pipe' });
    expect(lane.outcome('pipe.pt')).toMatchObject({ kind: 'refused' });
    if (existsSync('/proc/self/environ')) expect(lane.outcome('environ.pt')).toMatchObject({ kind: 'refused' });
  });

  it('are judged by their length, and by their part on the disk, before they are read', async () => {
    truncateSync(make('root/run/huge.pt', ''), 1e12);
    truncateSync(make('root/run/empty.pt', ''), 1e9);
    truncateSync(make('root/run/huge.yaml', ''), 1e9);
    for (const name of ['huge.pt', 'empty.pt', 'huge.yaml']) utimesSync(join(root, 'run', name), OLD, OLD);
    const lane = new Lane();
    expect(await lane.feed.look(run())).toBe(true);
    expect(lane.outcome('huge.pt')?.reason).toBe('it has 1000000000000 bytes, and at most 10000000000 are read');
    expect(lane.outcome('huge.yaml')?.reason).toContain('it has 1000000000 bytes');
    expect(lane.outcome('empty.pt')?.reason).toContain('it is sparse');
  });

  it('do not wait for large ones of other runs, nor for those of their own run', async () => {
    const large = 'x'.repeat(9 * 1024 * 1024);
    for (const name of ['a', 'b', 'c']) make(`root/${name}/model.pt`, large);
    make('root/a/own.yaml', 'lr: 0.1\n');
    make('root/z/own.yaml', 'lr: 0.2\n');
    const lane = new Lane();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    lane.onFile = () => held;
    const runs = ['a', 'b', 'c', 'z'].map((name) => run(name));
    expect(await Promise.all(runs.map((each) => lane.feed.look(each)))).toEqual([false, false, false, true]);
    expect(lane.params.map(({ value }) => value).sort()).toEqual([0.1, 0.2]);
    // What is on its way is not begun once more.
    await Promise.all(runs.map((each) => lane.feed.look(each)));
    release();
    expect(await lane.feed.bring(runs, 10_000)).toBe(true);
    expect([...lane.files.keys()]).toEqual(['model.pt']);
    expect([...lane.states.values()].filter(({ path }) => path === 'model.pt')).toHaveLength(3);
  });

  it('are closed when the signal is aborted, during their hash', async () => {
    make('root/run/model.pt', 'x'.repeat(9 * 1024 * 1024));
    const lane = new Lane();
    await lane.feed.look(run());
    lane.end.abort(new Error('enough'));
    await lane.feed.idle();
    expect(lane.states.size).toBe(0);
  });

  it('are named after some tries if they change during every read, and are not read endlessly', async () => {
    const path = make('root/run/model.pt', 'start');
    const lane = new Lane();
    let reads = 0;
    lane.onFile = () => {
      reads++;
      appendFileSync(path, 'more');
      utimesSync(path, OLD, OLD);
    };
    for (let i = 0; i < 20; i++) await lane.feed.look(run());
    expect(reads).toBe(5);
    expect(lane.outcome('model.pt')).toEqual({ kind: 'refused', reason: 'it changed while it was read, 5 times in a row' });
  });

  describe('with content that only gets longer', () => {
    const JSON_RULES: ArtifactRules = { params: [], artifacts: [{ location: '', files: ['*.json'], modelTags: {} }] };
    let uploads: number[];
    let lane: Lane;
    let live: SyncedRun;
    beforeEach(() => {
      uploads = [];
      lane = new Lane(JSON_RULES);
      lane.onFile = ({ bytes }) => void uploads.push(bytes);
      live = run();
      live.sources.set('run', { isQuiet: false } as never);
    });
    const write = (text: string): string => make('root/run/result.json', text);

    it('are sent again by steps of their length, and completely once the run is quiet', async () => {
      let text = '';
      for (let line = 0; line < 200; line++) {
        text += `{"epoch": ${line}, "loss": 0.5}\n`;
        write(text);
        expect(await lane.feed.look(live)).toBe(true);
      }
      expect(uploads.length).toBeLessThan(20);
      expect(uploads.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(4 * text.length);
      expect(lane.files.get('result.json')).not.toBe(text);
      for (const source of live.sources.values()) source.isQuiet = true;
      await lane.feed.look(live);
      expect(lane.files.get('result.json')).toBe(text);
    });

    it('are sent in their current form if there is no later check', async () => {
      write('{"epoch": 0}\n'.repeat(10));
      await lane.feed.look(live);
      const text = '{"epoch": 0}\n'.repeat(11);
      write(text);
      await lane.feed.look(live);
      expect(uploads).toHaveLength(1);
      expect(await lane.feed.bring([live], 1000)).toBe(true);
      expect(lane.files.get('result.json')).toBe(text);
    });

    it('are distinguished from rewritten files, longer or not', async () => {
      for (const text of ['a'.repeat(100), 'b'.repeat(101), 'b'.repeat(100), `${'b'.repeat(50)}c${'b'.repeat(60)}`]) {
        write(text);
        await lane.feed.look(live);
        expect(lane.files.get('result.json')).toBe(text);
      }
    });

    it('are sent each time if each content is a version of a model', async () => {
      const [rule] = JSON_RULES.artifacts;
      lane = new Lane({ params: [], artifacts: [{ ...rule!, registerModel: 'Net' }] });
      for (const text of ['a'.repeat(100), 'a'.repeat(101)]) {
        write(text);
        await lane.feed.look(live);
        expect(lane.files.get('result.json')).toBe(text);
      }
      // The tracker of this lane has no models: the file is stored, and the warning says so.
      expect(lane.warnings.join('\n')).toMatch(
        /was stored, but not registered \(unsupported\) .*no model version of Net: the tracker does not support it/,
      );
      expect(lane.warnings.join('\n')).not.toContain('not mirrored');
    });
  });

  it('do not cause a search of the event files for earlier texts if nothing was sent', async () => {
    const lane = new Lane({ params: [{ location: '', files: [], tags: ['args'], prefix: '' }], artifacts: [] });
    mkdirSync(join(root, 'run'));
    lane.handle = undefined;
    expect([await lane.feed.look(run()), lane.pastLooks]).toEqual([true, 0]);
    lane.handle = 'handle' as Handle;
    expect([await lane.feed.look(run()), lane.pastLooks]).toEqual([true, 1]);
  });
});
