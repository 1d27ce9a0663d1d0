import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { type Config, type Flags, loadConfig } from '../../../src/config/index.js';
import { MirrorError } from '../../../src/errors.js';
import { environmentName } from '../../../src/flag-names.js';

interface Given {
  readonly flags?: Flags;
  readonly env?: Record<string, string>;
  readonly files?: Record<string, string>;
}

function load({ flags = {}, env = {}, files = {} }: Given): Promise<Config> {
  const readFile = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
    return text;
  };
  return loadConfig({ flags, env, cwd: '/project', readFile });
}

async function failure(given: Given): Promise<MirrorError> {
  const error: unknown = await load(given).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof MirrorError)) throw new Error(`expected a MirrorError, got ${String(error)}`);
  return error;
}

const FILE = `
project: vision
roots: [/mnt/a=b, { path: /mnt/logs, name: cluster-a }]
lanes: { local: { path: file.db, media_path: pictures } }
log: { level: info, format: json }
`;

describe('loadConfig', () => {
  it('needs no file', async () => {
    const config = await load({});
    expect(config).toMatchObject({ file: undefined, roots: [], log: { level: 'warn', format: undefined } });
    expect(config.lanes).toEqual({ local: { path: './mirrorboard.db', mediaPath: './mirrorboard.media' }, trackers: [] });
    expect(new Set(config.sources.values())).toEqual(new Set(['default']));
  });

  it.each([
    ['scanIntervalMs', 'scanInterval', 'scan_interval', 60_000],
    ['runEndedAfterMs', 'runEndedAfter', 'run_ended_after', 1_800_000],
    ['shutdownGraceMs', 'shutdownGrace', 'shutdown_grace', 25_000],
  ] as const)('prefers for %s the flag, then the variable, the file, and the default', async (key, flag, field, ms) => {
    const files = { '/project/mirrorboard.yaml': `${field}: 7` };
    const env = { [environmentName(flag)]: '1m30s' };
    const flags = { [flag]: '2h' };
    const found = [{ files, env, flags }, { files, env }, { files }, {}].map(async (given) => {
      const config = await load(given);
      return [config[key], config.locations.get(field)];
    });
    expect(await Promise.all(found)).toEqual([
      [7_200_000, expect.stringMatching(/^--/)],
      [90_000, environmentName(flag)],
      [7000, `./mirrorboard.yaml:1:${field.length + 3}`],
      [ms, undefined],
    ]);
    expect((await failure({ flags: { [flag]: 'soon' } })).code).toBe('MB1001');
    expect((await failure({ env: { [environmentName(flag)]: '0' } })).message).toContain('found "0", expected a time above 0');
    expect((await failure({ files: { '/project/mirrorboard.yaml': `${field}: -1s` } })).message).toContain('expected a time above 0');
  });

  it('accepts the older variable of the grace period', async () => {
    expect((await load({ env: { MIRRORBOARD_GRACE: '9' } })).shutdownGraceMs).toBe(9000);
    expect((await load({ env: { MIRRORBOARD_GRACE: '9', MIRRORBOARD_SHUTDOWN_GRACE: '8' } })).shutdownGraceMs).toBe(8000);
  });

  it('finds the file in the working directory', async () => {
    const config = await load({ files: { '/project/mirrorboard.yaml': FILE } });
    expect(config).toMatchObject({
      file: './mirrorboard.yaml',
      project: 'vision',
      roots: [{ path: '/mnt/a=b' }, { path: '/mnt/logs', name: 'cluster-a' }],
      lanes: { local: { path: 'file.db', mediaPath: 'pictures' } },
      log: { level: 'info', format: 'json' },
    });
    expect(config.sources.get('config')).toBe('default');
    for (const field of ['project', 'roots', 'lanes.local.path', 'lanes.local.media_path', 'log.level', 'log.format']) {
      expect([field, config.sources.get(field)]).toEqual([field, 'file']);
    }
  });

  it('prefers a flag to the environment, that to the file, that to the default', async () => {
    const files = { '/project/mirrorboard.yaml': 'log: { level: info }\nlanes: { local: { path: file.db } }' };
    const env = { MIRRORBOARD_STORE: 'env.db', MIRRORBOARD_LOG_LEVEL: 'debug' };
    const flags = { store: 'flag.db', logLevel: 'error' };
    const seen: unknown[] = [];
    for (const given of [{}, { files }, { files, env }, { files, env, flags }]) {
      const { lanes, log, sources } = await load(given);
      seen.push([lanes.local?.path, lanes.local?.mediaPath, sources.get('lanes.local.path'), log.level, sources.get('log.level')]);
    }
    expect(seen).toEqual([
      ['./mirrorboard.db', './mirrorboard.media', 'default', 'warn', 'default'],
      ['file.db', 'file.media', 'file', 'info', 'file'],
      ['env.db', 'env.media', 'environment', 'debug', 'environment'],
      ['flag.db', 'flag.media', 'flag', 'error', 'flag'],
    ]);
  });

  it('reads the state from flag or environment, and from no file', async () => {
    const seen: unknown[] = [];
    const env = { MIRRORBOARD_STATE: 'env.state' };
    for (const given of [{}, { env: { MIRRORBOARD_STATE: '' } }, { env }, { env, flags: { state: 'flag.state' } }]) {
      const { state, sources } = await load(given);
      seen.push([state.path, sources.get('state')]);
    }
    expect(seen).toEqual([
      ['./mirrorboard.state', 'default'],
      ['./mirrorboard.state', 'default'],
      ['env.state', 'environment'],
      ['flag.state', 'flag'],
    ]);
    expect((await failure({ flags: { state: '' } })).message).toBe('--state: found an empty text, expected a value');
    expect((await failure({ files: { '/project/mirrorboard.yaml': 'state: { path: x }' } })).message).toContain('an unknown key');
  });

  it("stores media next to the store that overrides the file's store", async () => {
    const { lanes, sources } = await load({ flags: { store: 'other.sqlite' }, files: { '/project/mirrorboard.yaml': FILE } });
    expect(lanes.local).toEqual({ path: 'other.sqlite', mediaPath: 'other.sqlite.media' });
    expect(sources.get('lanes.local.media_path')).toBe('default');
  });

  it('reads the file that flag or environment names', async () => {
    const files = { '/project/a.yaml': 'project: a', '/etc/b.yaml': 'project: b', '/project/mirrorboard.yaml': 'project: c' };
    const byFlag = await load({ flags: { config: 'a.yaml' }, env: { MIRRORBOARD_CONFIG: '/etc/b.yaml' }, files });
    expect([byFlag.file, byFlag.project, byFlag.sources.get('config')]).toEqual(['a.yaml', 'a', 'flag']);
    const byVariable = await load({ env: { MIRRORBOARD_CONFIG: '/etc/b.yaml' }, files });
    expect([byVariable.file, byVariable.project, byVariable.sources.get('config')]).toEqual(['/etc/b.yaml', 'b', 'environment']);
  });

  it("replaces the file's roots by those of the command line", async () => {
    const files = { '/project/mirrorboard.yaml': FILE };
    const given = await load({ flags: { roots: [{ path: 'here', name: 'n' }] }, files });
    expect([given.roots, given.sources.get('roots')]).toEqual([[{ path: 'here', name: 'n' }], 'flag']);
    const none = await load({ flags: { roots: [] }, files });
    expect([none.roots.length, none.sources.get('roots')]).toEqual([2, 'file']);
  });

  it('reports that a named file is missing, or that one cannot be read', async () => {
    const missing = await failure({ flags: { config: 'a.yaml' } });
    expect([missing.code, missing.message]).toEqual(['MB1003', 'reading the configuration a.yaml: no such file']);
    const readFile = (): string => {
      throw Object.assign(new Error('x'), { code: 'EACCES' });
    };
    await expect(loadConfig({ flags: {}, env: {}, cwd: '/project', readFile })).rejects.toMatchObject({ code: 'MB1003', exitCode: 2 });
  });

  it('validates words of flags and variables', async () => {
    const flag = await failure({ flags: { logLevel: 'wran' } });
    expect([flag.code, flag.message]).toEqual([
      'MB1001',
      '--log-level: found "wran", expected one of silent, error, warn, info, debug; did you mean warn?',
    ]);
    const variable = await failure({ env: { MIRRORBOARD_LOG_FORMAT: 'xml' } });
    expect([variable.code, variable.message]).toEqual(['MB1002', 'MIRRORBOARD_LOG_FORMAT: found "xml", expected one of json, pretty']);
  });

  it('treats an empty variable as missing, and an empty flag as an error', async () => {
    expect((await load({ env: { MIRRORBOARD_STORE: '' } })).sources.get('lanes.local.path')).toBe('default');
    expect((await failure({ flags: { store: '' } })).code).toBe('MB1001');
  });

  it('leaves the default level to the command', async () => {
    const config = await loadConfig({ flags: {}, env: {}, cwd: '/nowhere-at-all', defaultLogLevel: 'info' });
    expect([config.log.level, config.sources.get('log.level')]).toEqual(['info', 'default']);
  });
});

describe('environmentName', () => {
  it('follows one rule', () => {
    expect(['store', 'state', 'logLevel'].map(environmentName)).toEqual([
      'MIRRORBOARD_STORE',
      'MIRRORBOARD_STATE',
      'MIRRORBOARD_LOG_LEVEL',
    ]);
  });
});

it('loadConfig loads the YAML parser and the schemas only for a file', () => {
  const script = `
    const [url, file] = process.argv.slice(1);
    const seen = [];
    (await import('node:module')).registerHooks({ resolve: (name, context, next) => (seen.push(name), next(name, context)) });
    const { loadConfig } = await import(url);
    await loadConfig({ flags: {}, env: {}, cwd: '/', readFile: () => { if (file === 'yes') return ''; throw Object.assign(new Error(), { code: 'ENOENT' }); } });
    console.log(['yaml', 'zod'].filter((name) => seen.includes(name)).join());`;
  const module = new URL('../../../src/config/index.js', import.meta.url).href;
  const loaded = (file: string): string =>
    spawnSync(process.execPath, ['--input-type=module', '-e', script, module, file], { encoding: 'utf8' }).stdout.trim();
  expect([loaded('no'), loaded('yes')]).toEqual(['', 'yaml,zod']);
});
