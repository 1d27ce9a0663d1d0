import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { init, parse } from 'es-module-lexer';

const sources = fileURLToPath(new URL('../../../src', import.meta.url));
const compiled = fileURLToPath(new URL('../../src', import.meta.url));

interface Edge {
  readonly from: string;
  readonly to: string;
  /** Nothing of it is left when the program runs. */
  readonly isType: boolean;
}

/** Edges that break a rule and stay, with the reason. */
const ALLOWED: ReadonlyMap<string, string> = new Map([
  ['main.ts -> cli/end-process.ts', 'the last thing there is to do'],
  ['main.ts -> cli/run.ts', 'cli has no index.ts: run.ts is its one entry, and loads the commands when they are needed'],
  ['main.ts -> cli/version.ts', 'scripts ask for the version often, and it needs none of the commands'],
]);

/** Rooms that join others, lowest first: each may know those below it, and every room that is no joiner. */
const JOINERS = [
  'reading',
  'lanes',
  'moves',
  'overview',
  'shards',
  'tidy',
  'verify',
  'sync',
  'migrate',
  'testing',
  'index',
  'backend',
  'main',
];
/** What all backends may use. */
const FOR_BACKENDS = new Set(['contract', 'backend-kit', 'http', 'objects', 'concurrency', 'own-files']);
/** All rooms may import these; they import only each other. */
const COMMON = new Set([
  'errors',
  'system-error',
  'model',
  'memory',
  'closest-name',
  'duration',
  'environment',
  'flag-names',
  'format',
  'log-levels',
  'clock',
  'rate-meter',
  'name-bytes',
  'package-file',
  'random',
  'real-path',
  'sign-of-life',
  'source-places',
  'text-width',
  'wrap-text',
]);
/**
 * Who may import whom, besides `errors` and `model`; a room that is not here may import nobody. `type` is for types
 * only.
 */
const MAY: Readonly<Record<string, Readonly<Record<string, 'all' | 'type'>>>> = {
  model: { proto: 'all' },
  decode: { proto: 'all' },
  workers: { calls: 'all' },
  http: { concurrency: 'all' },
  objects: { http: 'all' },
  'backend-kit': { contract: 'type', proto: 'all' },
  'backend-kit/settings': { http: 'all', contract: 'type' },
  'backend-kit/exact-points': { contract: 'type', 'backend-kit': 'all' },
  'backend-kit/failures': { http: 'all', contract: 'type' },
  'backend-kit/sending': { contract: 'type', 'backend-kit/failures': 'all' },
  'backend-kit/identity': { contract: 'type' },
  delivery: { contract: 'all' },
  'verify/compare': { contract: 'all' },
  export: { contract: 'type', 'backends/local': 'type' },
  query: { 'backends/local': 'all' },
  api: {
    query: 'all',
    state: 'all',
    status: 'all',
    contract: 'type',
    decode: 'all',
    untrusted: 'all',
    export: 'all',
    'backends/local': 'all',
  },
  tensorboard: { proto: 'all', http: 'all', query: 'all' },
  status: { contract: 'type' },
  metrics: { status: 'type' },
  state: { contract: 'type', route: 'type', 'own-files': 'all' },
  route: { pattern: 'all' },
  untrusted: { concurrency: 'all', calls: 'all' },
  tail: { untrusted: 'all', calls: 'all' },
  artifacts: { pattern: 'all', contract: 'type', untrusted: 'all', concurrency: 'all', calls: 'all' },
  // Which runs belong to a shard depends on what is folded, and on the run above, which a template names.
  discover: { pattern: 'all', route: 'all', config: 'all', untrusted: 'all', calls: 'all' },
  // What a configuration says of routes and files is checked, and handed on, in their words.
  config: { pattern: 'all', route: 'all', artifacts: 'type', untrusted: 'all' },
  // What is shown of a pass is what `status` counted.
  'cli/terminal': { status: 'type', 'verify/compare': 'type' },
};
/** Folders inside a room that are rooms of their own, with an index of their own. */
const INNER = /^(backend-kit\/(?:settings|exact-points|failures|identity|sending)|verify\/compare|backends\/[^/]+|cli\/terminal)\//;

/** What of the file system opens a file, or says what is under a name, and follows links on the way. */
const OPENERS =
  /^(open|openSync|openAsBlob|readFile|readFileSync|createReadStream|stat|statSync|access|accessSync|opendir|opendirSync|cp|cpSync|copyFile|copyFileSync)$/;
/**
 * Who opens files by themselves, and whose they are: all that others may have put below a root is opened by
 * `untrusted`.
 */
const OPENS: readonly (readonly [files: RegExp, whose: string])[] = [
  [/^untrusted\/(steps|mounts|open)\.ts$/, 'the opener'],
  [/^calls\/file-system\.ts$/, 'nobody: it hands the calls on'],
  [/^own-files\//, 'our own files'],
  [/^(state|export)\//, 'our own files'],
  [/^backends\/local\//, 'our own store and its media'],
  [/^query\/(query-worker|media-file)\.ts$/, 'our own store and its media'],
  [/^backends\/clearml\/sessions?\.ts$/, 'our own offline sessions'],
  [/^backends\/wandb\/(wandb-file|offline(?:-files)?)\.ts$/, 'our own offline folders'],
  [/^backends\/parquet\/folder\.ts$/, "a lane's own folder"],
  [/^backends\/(wandb\/netrc|clearml\/conf-file|mlflow\/databricks|mlflow\/azure-ml)\.ts$/, "the operator's own settings of a tracker"],
  [
    /^(config\/(?:read-text|value-file)|backend-kit\/settings\/section|http\/tls|lanes\/backend-types|http\/managed-server)\.ts$/,
    "files the operator's configuration names, programs",
  ],
  [/^discover\/(directory-cache|discovery|listener|roots|silent-roots)\.ts$/, 'stat of directories: of roots, and of those a walk is in'],
  [/^discover\/file-system\.ts$/, 'what the kernel says of its limits'],
  [/^(page\/register-page|source-places)\.ts$/, 'our own built files'],
  [/^testing\//, "a suite's own folders"],
  [/^cli\//, 'what the command line names, and files of ours'],
];

/** Code that tsc does not compile. That for browsers has its rules in test/unit/page/browser-code.test.ts. */
const ELSEWHERE = ['page/browser/', 'decode/assembly/'];

/** Openers of the file system that a module takes. */
function openersOf(file: string): string[] {
  const source = readFileSync(join(sources, file), 'utf8');
  const from = [...source.matchAll(/import (?!type)([^;]*?) from '(?:node:fs(?:\/promises)?|(?:\.{1,2}\/)+calls\/index\.ts)';/g)].map(
    ([, names = '']) => names,
  );
  return from.flatMap((names) => {
    if (!names.includes('{')) return ['*'];
    const list = names.replace(/[{}]/g, '').split(',');
    return list.map((name) => name.trim().split(' as ')[0] ?? '').filter((name) => OPENERS.test(name));
  });
}

/** The room of a file: a folder of src, a backend, another folder that is a room of its own, or a file at the top. */
function roomOf(file: string): string {
  const inner = INNER.exec(file)?.[1];
  return inner ?? (file.includes('/') ? (file.split('/')[0] ?? '') : file.replace(/\.ts$/, ''));
}

/** The files of a room that others may import. */
function isDoor(file: string): boolean {
  const room = roomOf(file);
  return room === 'proto' || !file.includes('/') || posix.basename(file) === 'index.ts';
}

/** Why an edge must not be; undefined for one that may. */
function whyForbidden({ from, to, isType }: Edge): string | undefined {
  const [a, b] = [roomOf(from), roomOf(to)];
  if (a === b) return undefined;
  if (!isDoor(to)) return `reaches into ${b}: only its index.ts is for others`;
  if (COMMON.has(b)) return a === 'errors' ? 'errors knows nobody' : undefined;
  const [high, low] = [JOINERS.indexOf(a), JOINERS.indexOf(b)];
  if (high >= 0) return low > high ? `${a} must not know ${b}` : undefined;
  if (a === 'cli' && b !== 'proto' && b !== 'http') return undefined;
  if (a.startsWith('backends/') && FOR_BACKENDS.has(b.split('/')[0] ?? '')) return undefined;
  const may = MAY[a]?.[b];
  if (may === 'all' || (may === 'type' && isType)) return undefined;
  return may === 'type' ? `${a} may know ${b} by its types only` : `${a} must not know ${b}`;
}

/** All files of src, relative to it. */
function sourceFiles(): string[] {
  return readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !ELSEWHERE.some((folder) => file.startsWith(folder)))
    .sort();
}

/** Paths that a module names with a leading dot, as files of src. */
function importsOf(file: string, code: string, { isAtOnce = false } = {}): string[] {
  const [imports] = parse(code, file);
  return imports.flatMap(({ specifier, type }) => {
    // What is imported when it is needed is not there at once.
    if (isAtOnce && type === 'dynamic') return [];
    if (specifier === null || specifier === undefined || !specifier.startsWith('.')) return [];
    const path = posix.join(posix.dirname(file), specifier);
    return [existsSync(join(sources, path)) ? path : path.replace(/\.js$/, '.ts')];
  });
}

/** A worker's file is named by a URL: an edge all the same. */
function workersOf(file: string, code: string): string[] {
  return [...code.matchAll(/new URL\('(\.[^']+\.js)', import\.meta\.url\)/g)].map(([, path = '']) =>
    posix.join(posix.dirname(file), path.replace(/\.js$/, '.ts')),
  );
}

/** What is left in the compiled code is needed when the program runs; the rest of what the source names are types. */
function edgesOf(file: string): Edge[] {
  const source = readFileSync(join(sources, file), 'utf8');
  const code = readFileSync(join(compiled, file.replace(/\.ts$/, '.js')), 'utf8');
  const atRunTime = new Set([...importsOf(file, code), ...workersOf(file, code)]);
  const named = new Set(
    [...source.matchAll(/\bfrom '(\.[^']+)'|\bimport\('(\.[^']+)'\)/g)].map(([, a, b]) => posix.join(dirname(file), a ?? b ?? '')),
  );
  return [
    ...[...atRunTime].map((to) => ({ from: file, to, isType: false })),
    ...[...named].filter((to) => !atRunTime.has(to)).map((to) => ({ from: file, to, isType: true })),
  ];
}

let edges: Edge[];

beforeAll(async () => {
  await init();
  edges = sourceFiles().flatMap(edgesOf);
});

describe('the import graph', () => {
  it('has no edge that the design forbids', () => {
    const forbidden = edges.flatMap((edge) => {
      const name = `${edge.from} -> ${edge.to}`;
      const why = whyForbidden(edge);
      return why === undefined || ALLOWED.has(name) ? [] : [`${name}: ${why}`];
    });
    expect(forbidden).toEqual([]);
  });

  it('follows the table of rooms in docs/architecture.md, which lists all of them, lowest first', () => {
    const table =
      readFileSync(join(sources, '../docs/architecture.md'), 'utf8').split('## The flow, and the rooms')[1]?.split('## Threads')[0] ?? '';
    const rooms = [...table.matchAll(/^\| ((?:`[a-z/-]+`(?:, )?)+)/gm)]
      .flatMap(([, names = '']) => names.split(', ').map((name) => name.replaceAll('`', '')))
      .filter((name) => name !== 'errors' && name !== 'clock');
    const real = [
      ...new Set(
        sourceFiles()
          .filter((file) => file.includes('/'))
          .map(roomOf),
      ),
    ];
    expect([...rooms].sort()).toEqual(['proto', ...real.filter((room) => room !== 'proto')].sort());
    const upward = edges.flatMap(({ from, to }) => {
      const [a, b] = [rooms.indexOf(roomOf(from)), rooms.indexOf(roomOf(to))];
      return a < 0 || b <= a ? [] : [`${from} -> ${to}`];
    });
    expect(upward).toEqual([]);
  });

  it('needs every listed exception', () => {
    const needed = edges.filter((edge) => whyForbidden(edge) !== undefined).map(({ from, to }) => `${from} -> ${to}`);
    expect([...ALLOWED.keys()].filter((name) => !needed.includes(name))).toEqual([]);
  });

  it('leads to existing files', () => {
    expect(edges.filter(({ to }) => !existsSync(join(sources, to)))).toEqual([]);
    expect(edges.length).toBeGreaterThan(100);
    expect(edges.filter(({ isType }) => isType).length).toBeGreaterThan(20);
  });

  it('has no circle, also not of types', () => {
    const next = new Map<string, string[]>();
    for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) {
        circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
        return;
      }
      if (done.has(file)) return;
      for (const to of next.get(file) ?? []) visit(to, [...path, file]);
      done.add(file);
    };
    for (const file of next.keys()) visit(file, []);
    expect(circles).toEqual([]);
  });

  it('opens files below a root in one place only', () => {
    const opening = sourceFiles().filter((file) => openersOf(file).length > 0);
    expect(opening.filter((file) => !OPENS.some(([files]) => files.test(file)))).toEqual([]);
    expect(OPENS.filter(([files]) => !opening.some((file) => files.test(file))).map(([, whose]) => whose)).toEqual([]);
    for (const file of [
      'artifacts/find-files.ts',
      'sync/artifact-sync.ts',
      'verify/verify-artifacts.ts',
      'tail/open-file.ts',
      'reading/reader.ts',
    ]) {
      expect(OPENS.some(([files]) => files.test(file))).toBe(false);
    }
  });

  it('loads nothing of the terminal for help, the version and completion', () => {
    const loaded = new Set(['cli/run.ts', 'cli/completion.ts']);
    for (const file of loaded) {
      const code = readFileSync(join(compiled, file.replace(/\.ts$/, '.js')), 'utf8');
      for (const to of importsOf(file, code, { isAtOnce: true })) loaded.add(to);
    }
    expect([...loaded].filter((file) => roomOf(file) === 'cli/terminal')).toEqual([]);
    expect(loaded.size).toBeLessThan(25);
  });

  it('reveals a forbidden edge', () => {
    const why = (from: string, to: string, isType = false): string | undefined => whyForbidden({ from, to, isType });
    expect(why('tail/open-file.ts', 'decode/index.ts')).toBe('tail must not know decode');
    expect(why('decode/frame.ts', 'model/index.ts')).toBeUndefined();
    expect(why('decode/frame.ts', 'model/batch.ts')).toMatch('reaches into model');
    expect(why('route/rules.ts', 'proto/messages.js')).toBe('route must not know proto');
    expect(why('decode/frame.ts', 'proto/messages.js')).toBeUndefined();
    expect(why('backends/mlflow/client.ts', 'backends/local/index.ts')).toBe('backends/mlflow must not know backends/local');
    expect(why('backends/mlflow/client.ts', 'http/index.ts')).toBeUndefined();
    expect(why('backends/mlflow/runs.ts', 'backend-kit/identity/index.ts')).toBeUndefined();
    expect(why('backends/mlflow/runs.ts', 'backend-kit/identity/run-identity.ts')).toMatch('reaches into backend-kit/identity');
    expect(why('backend-kit/identity/run-identity.ts', 'http/index.ts')).toBe('backend-kit/identity must not know http');
    expect(why('backends/mlflow/client.ts', 'state/index.ts')).toBe('backends/mlflow must not know state');
    expect(why('contract/backend.ts', 'delivery/index.ts')).toBe('contract must not know delivery');
    expect(why('contract/backend.ts', 'model/index.ts')).toBeUndefined();
    expect(why('status/tracker.ts', 'contract/index.ts', true)).toBeUndefined();
    expect(why('status/tracker.ts', 'contract/index.ts')).toMatch('by its types only');
    expect(why('delivery/lane.ts', 'sync/index.ts')).toBe('delivery must not know sync');
    expect(why('cli/export.ts', 'backends/local/reader.ts')).toMatch('reaches into backends/local');
    expect(why('cli/export.ts', 'backends/local/index.ts')).toBeUndefined();
    expect(why('sync/backfill.ts', 'tail/guard.ts')).toMatch('reaches into tail');
    expect(why('sync/backfill.ts', 'tail/index.ts')).toBeUndefined();
    expect(why('sync/tracker-sync.ts', 'reading/reader.ts')).toMatch('reaches into reading');
    expect(why('lanes/resolve-lanes.ts', 'sync/index.ts')).toBe('lanes must not know sync');
    expect(why('verify/index.ts', 'sync/index.ts')).toBe('verify must not know sync');
    expect(why('errors.ts', 'model/index.ts')).toBe('errors knows nobody');
  });
});

describe('the programs of npm scripts', () => {
  it('start without jest, which other programs cannot import', () => {
    const repository = join(sources, '..');
    const { scripts } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    const programs = Object.values(scripts).flatMap((script) => script.match(/\bdist\/test\/\S+\.js\b/g) ?? []);
    expect(programs.length).toBeGreaterThan(2);
    const from = new Map<string, string>(programs.map((program) => [program, 'package.json']));
    const needJest: string[] = [];
    for (const file of from.keys()) {
      for (const { specifier, type } of parse(readFileSync(join(repository, file), 'utf8'), file)[0]) {
        if (type === 'dynamic' || typeof specifier !== 'string') continue;
        if (specifier === '@jest/globals') needJest.push(`${file}, imported by ${from.get(file)}`);
        const path = posix.join(posix.dirname(file), specifier);
        if (specifier.startsWith('.') && !from.has(path)) from.set(path, file);
      }
    }
    expect(needJest).toEqual([]);
    expect(from.size).toBeGreaterThan(100);
  });
});
