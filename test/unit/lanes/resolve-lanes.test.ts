import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { GROUP_TEMPLATES, LANE_TYPES, loadConfig } from '../../../src/config/index.ts';
import type { BackendType } from '../../../src/contract/index.ts';
import { MirrorError } from '../../../src/errors.ts';
import { backendType } from '../../../src/lanes/backend-types.ts';
import { type ResolvedLane, resolveLanes } from '../../../src/lanes/resolve-lanes.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { writeTrialBackend } from '../../support/trial-backend.ts';

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
  writeTrialBackend(folder);
});

async function resolve(text: string, env: Record<string, string> = {}, profile?: string): Promise<readonly ResolvedLane[]> {
  const config = await loadConfig({ flags: { profile }, env, cwd: folder, readFile: () => text });
  return resolveLanes(config, env, { cwd: folder });
}

async function failure(work: Promise<unknown>): Promise<MirrorError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof MirrorError)) throw new Error(`expected a MirrorError, got ${String(error)}`);
  return error;
}

function shown(lanes: readonly ResolvedLane[]): Record<string, unknown> {
  return Object.fromEntries((lanes[0]?.shown ?? []).map(({ key, value, source }) => [key, `${value} <- ${source}`]));
}

const TRIAL = 'type: ./trial-backend.mjs';

describe('resolveLanes', () => {
  it('lets the type validate the lane, and records where each setting comes from', async () => {
    const text = `project: vision\nlanes:\n  t: { ${TRIAL}, url: "http://me:pw@host", api_key: "\${KEY}", run_name: "{name}", tags: [a] }`;
    const lanes = await resolve(text, { KEY: 'hunter2', TRIAL_SPACE: 'theirs' });
    expect(lanes).toMatchObject([
      { name: 't', target: 'http://[redacted]@host#theirs', group: 'theirs', runName: '{name}', tags: { a: '' } },
    ]);
    expect(lanes[0]?.settings).toEqual({ url: 'http://me:pw@host', space: 'theirs', api_key: 'hunter2' });
    expect(shown(lanes)).toEqual({
      url: 'http://[redacted]@host <- ./mirrorboard.yaml:3:40',
      space: 'theirs <- TRIAL_SPACE',
      api_key: '[redacted] <- ./mirrorboard.yaml:3:70',
    });
  });

  it('fills in the experiment of all lanes if the lane has none', async () => {
    const group = async (text: string, env = {}): Promise<unknown> => (await resolve(text, env))[0]?.group;
    const lane = `lanes: { t: { ${TRIAL}, url: u } }`;
    const space = async (text: string, env = {}): Promise<unknown> =>
      ((await resolve(text, env))[0]?.settings as { space?: string } | undefined)?.space;
    // The type sees what is the same for all runs, and nothing of a template that is not.
    expect(await space(`project: p\n${lane}`)).toBe('p');
    expect(await space(`runs: { experiment: "{path[0]}" }\n${lane}`)).toBeUndefined();
    expect(await space(`lanes: { t: { ${TRIAL}, url: u, space: "{path[0]}" } }`)).toBeUndefined();
    expect(await group(lane, { TRIAL_SPACE: 'a{b}' })).toBe('a{{b}}');
    expect(await group(lane)).toBeUndefined();
    expect(await group(`project: p\n${lane}`)).toBe('{project}');
    expect(await group(`runs: { experiment: "{path[0]}" }\n${lane}`)).toBe('{path[0]}');
    expect(await group(`project: p\n${lane}`, { TRIAL_SPACE: 'x' })).toBe('x');
    expect(await group(`project: p\nlanes: { t: { ${TRIAL}, url: u, space: own } }`)).toBe('own');
    expect(shown(await resolve(`project: p\n${lane}`))['space']).toBe('p <- ./mirrorboard.yaml:1:10');
    expect((await failure(resolve(`lanes: { t: { ${TRIAL}, url: u, space: "{pth}" } }`))).message).toContain('lanes.t.space: found {pth}');
  });

  it("prefers our variables to the tracker's, and those to the file", async () => {
    const text = `lanes: { t: { ${TRIAL}, url: file } }`;
    expect(shown(await resolve(text))['url']).toMatch(/^file <- /);
    expect(shown(await resolve(text, { TRIAL_URL: 'theirs' }))['url']).toBe('theirs <- TRIAL_URL');
    for (const name of ['MIRRORBOARD_T_URL', 'TRACELET_T_URL', 'MIRRORBOARD_T_ADDRESS']) {
      const [lane] = await resolve(text, { TRIAL_URL: 'theirs', [name]: 'ours' });
      expect([name, lane?.settings, lane?.target]).toEqual([name, { url: 'ours' }, 'ours#']);
    }
  });

  it("does not apply one of the tracker's variables to two lanes with different values in the file", async () => {
    const text = `lanes: { a: { ${TRIAL}, url: u1 }, b: { ${TRIAL}, url: u2 } }`;
    const lanes = await resolve(text, { TRIAL_URL: 'theirs', TRIAL_API_KEY: 'key' });
    expect(lanes.map(({ settings }) => settings)).toEqual([
      { url: 'u1', api_key: 'key' },
      { url: 'u2', api_key: 'key' },
    ]);
  });

  it('shows the place of a setting under any of its names, and hides it under all', async () => {
    const lanes = await resolve(`lanes: { t: { ${TRIAL}, space: s, address: "http://\${MY_TOKEN}" } }`, { MY_TOKEN: 'hunter2' });
    expect(shown(lanes)['url']).toBe('[redacted] <- ./mirrorboard.yaml:1:61');
  });

  it('shows the source of the experiment, even if a variable of ours replaced other settings', async () => {
    const lanes = await resolve(`project: p\nlanes: { t: { ${TRIAL}, address: file } }`, {
      MIRRORBOARD_T_URL: 'ours',
      TRIAL_URL: 'theirs',
    });
    expect(shown(lanes)).toEqual({ url: 'ours <- MIRRORBOARD_T_URL', space: 'p <- ./mirrorboard.yaml:1:10' });
  });

  it('refuses two lanes that lead to the same place', async () => {
    const error = await failure(resolve(`lanes: { a: { ${TRIAL}, url: u }, b: { ${TRIAL}, url: u } }`));
    expect(error.message).toContain('lanes.b: found u#, which is also the target of the lane a');
  });

  it('treats another name of a setting in the profile as the same setting', async () => {
    const text = `lanes: { t: { ${TRIAL}, url: top } }\nprofiles: { dev: { lanes: [t], t: { address: dev } } }`;
    expect((await resolve(text, {}, 'dev'))[0]?.settings).toEqual({ url: 'dev' });
    const error = await failure(resolve(`lanes: { t: { ${TRIAL}, url: a, address: b } }`));
    expect(error.message).toContain('lanes.t.address: found url and address');
  });

  it('reads each section once, with any merged layers and names', async () => {
    const text = `project: p\nlanes: { t: { ${TRIAL}, url: top, space: s }, u: { ${TRIAL}, address: other } }\nprofiles: { dev: { t: { address: dev } } }`;
    const env = { MIRRORBOARD_T_URL: 'ours', TRIAL_URL: 'theirs', TRIAL_API_KEY: 'key' };
    const config = await loadConfig({ flags: { profile: 'dev' }, env, cwd: folder, readFile: () => text });
    let parsed = 0;
    const load = async (name: string, places: Parameters<typeof backendType>[1]): Promise<BackendType> => {
      const type = await backendType(name, places);
      return {
        ...type,
        parse(section, from) {
          parsed++;
          return type.parse(section, from);
        },
      };
    };
    const lanes = await resolveLanes(config, env, { cwd: folder, load });
    expect(lanes.map(({ settings }) => settings)).toEqual([
      { url: 'ours', space: 's', api_key: 'key' },
      { url: 'other', space: 'p', api_key: 'key' },
    ]);
    expect(parsed).toBe(2);
  });

  it('lets a stronger layer replace a setting in another form', async () => {
    const text = `lanes: { aim: { repo: ./here } }\nprofiles: { dev: { aim: { server: "aim://host:53800" } } }`;
    expect((await resolve(text, {}, 'dev'))[0]?.target).toBe('http://host:53800');
    expect((await failure(resolve('lanes: { aim: { repo: ./here, server: "aim://host" } }'))).message).toContain('found server and repo');
  });

  it('combines all problems in one error, with their places', async () => {
    const text = `lanes:\n  a:\n    ${TRIAL}\n    ulr: x\n  b: { ${TRIAL}, url: 5, api_key: "\${KEY}" }`;
    const error = await failure(resolve(text, { KEY: '1', MIRRORBOARD_B_NONSENSE: 'x' }));
    expect([error.code, error.exitCode]).toEqual(['MB1002', 2]);
    expect(error.message.split('\n')).toEqual([
      './mirrorboard.yaml has 4 problems:',
      '  ./mirrorboard.yaml:4:10: lanes.a.ulr: found the key ulr, expected one of url, address, space, api_key, mode',
      '  lanes.a.url: found nothing, expected an address',
      '  MIRRORBOARD_B_NONSENSE: lanes.b.nonsense: found the key nonsense, expected one of url, address, space, api_key, mode',
      '  ./mirrorboard.yaml:5:40: lanes.b.url: found 5, expected a text',
    ]);
  });

  it('shows nothing that comes from a variable of a secret name', async () => {
    const lanes = await resolve(`lanes: { t: { ${TRIAL}, url: u, space: "\${DB_PASSWORD}" } }`, { DB_PASSWORD: 'hunter2' });
    expect(shown(lanes)['space']).toMatch(/^\[redacted\] <- /);
    const error = await failure(resolve(`lanes: { t: { ${TRIAL}, url: ["\${DB_PASSWORD}"] } }`, { DB_PASSWORD: 'hunter2' }));
    expect(error.message).toContain('lanes.t.url: found a hidden value');
  });
});

describe('a lane of MLflow', () => {
  const lane = async (text: string, env: Record<string, string> = {}, profile?: string): Promise<unknown[]> => {
    const [found] = await resolve(text, env, profile);
    return [found?.target, found?.group];
  };

  it('uses the variables of Tracelet', async () => {
    const text = `
project: custom_setup
backend: [mlflow]
config: { mlflow: { backend_url: "http://mlflow-server:5000", experiment_name: "Production Experiments" }, shared_tags: [resnet] }
profiles:
  development: { backends: [mlflow], config: { mlflow: { backend_url: "sqlite:///dev.db" } } }
  production: { backends: [mlflow], config: { mlflow: { tracking_uri: "http://prod-mlflow:5000" } } }`;
    expect(await lane(text)).toEqual(['http://mlflow-server:5000 Production Experiments', 'Production Experiments']);
    expect(await lane(text, { ENVIRONMENT: 'development' })).toEqual(['sqlite:///dev.db Production Experiments', 'Production Experiments']);
    expect(await lane(text, { ENVIRONMENT: 'production' })).toEqual([
      'http://prod-mlflow:5000 Production Experiments',
      'Production Experiments',
    ]);
    const env = { MLFLOW_TRACKING_URI: 'http://theirs:5000', MLFLOW_EXPERIMENT_NAME: 'Theirs' };
    expect(await lane(text, env)).toEqual(['http://theirs:5000 Theirs', 'Theirs']);
    expect(await lane(text, { ...env, TRACELET_MLFLOW_TRACKING_URI: 'http://localhost:5000' })).toEqual([
      'http://localhost:5000 Theirs',
      'Theirs',
    ]);
    const ours = { TRACELET_BACKEND: 'mlflow', TRACELET_PROJECT: 'p', TRACELET_MLFLOW_TRACKING_URI: 'http://a:1' };
    expect(await lane('', ours)).toEqual(['http://a:1 p', '{project}']);
    expect(await lane('', { ...ours, TRACELET_MLFLOW_EXPERIMENT_NAME: 'e' })).toEqual(['http://a:1 e', 'e']);
  });

  it('has an experiment for each run if the template defines it, and keeps a fixed id', async () => {
    const text = (more: string): string => `project: p\nlanes: { mlflow: { tracking_uri: "http://a:1", ${more} } }`;
    expect(await lane(text('experiment_name: "{project}/{path[0]}"'))).toEqual(['http://a:1', '{project}/{path[0]}']);
    expect(await lane(text('experiment: "{path[0]}"'))).toEqual(['http://a:1', '{path[0]}']);
    expect(await lane(text('experiment_id: 7'))).toEqual(['http://a:1 experiment 7', undefined]);
    expect(await lane('lanes: { mlflow: { tracking_uri: "http://a:1" } }')).toEqual(['http://a:1', undefined]);
  });
});

describe('backendType', () => {
  it('knows every built-in type, by its name', async () => {
    const names = LANE_TYPES.filter((type) => type !== 'local');
    const types = await Promise.all(names.map((name) => backendType(name, { cwd: folder, configFile: undefined })));
    expect(types.map(({ type }) => type)).toEqual(names);
  });

  it('treats the experiment of each built-in type as a template, which is also checked in unused lanes', async () => {
    for (const name of Object.keys(GROUP_TEMPLATES)) {
      const { groupKeys = [] } = await backendType(name, { cwd: folder, configFile: undefined });
      const templates = groupKeys.filter((key) => !key.endsWith('_id') && key !== 'experiment');
      expect([name, GROUP_TEMPLATES[name]]).toEqual([name, templates]);
    }
  });

  it('shows the place in a profile of a setting that its type refuses, and does not fail for a missing module', async () => {
    const text = 'lanes: { m: { type: mlflow } }\nprofiles: { p: { m: { tracking_uri: "http://x", tls: { ca_file: [] } } } }';
    const config = await loadConfig({ flags: { profile: 'p' }, env: {}, cwd: '/', readFile: () => text });
    await expect(resolveLanes(config, {})).rejects.toThrow('profiles.p.m.');
    const none = await loadConfig({ flags: {}, env: {}, cwd: '/', readFile: () => 'lanes: { m: { type: ./nope.js } }' });
    const error: Error = (await resolveLanes(none, {}, { cwd: '/' }).catch((thrown: Error) => thrown)) as Error;
    expect([error.message, error.cause]).toEqual([expect.stringContaining('no such module: /nope.js'), undefined]);
  });

  it('suggests an existing type for a misspelled one, and never a package of that name', async () => {
    const known = await failure(backendType('mlfow', { cwd: folder, configFile: undefined }));
    expect([known.code, known.hint]).toEqual(['MB4009', 'Did you mean mlflow?']);
    const unknown = await failure(backendType('left-pad-tracker', { cwd: folder, configFile: undefined }));
    expect(`${unknown.message} ${unknown.hint}`).not.toMatch(/npm|install (it|the)/);
  });

  it('finds a path from the configuration file, and a package from there or from the working directory', async () => {
    mkdirSync(join(folder, 'etc'));
    const found = async (name: string, configFile?: string): Promise<string> => (await backendType(name, { cwd: folder, configFile })).type;
    expect(await found('./trial-backend.mjs')).toBe('trial');
    expect(await found('../trial-backend.mjs', 'etc/mirrorboard.yaml')).toBe('trial');
    expect(await found(join(folder, 'trial-backend.mjs'), 'etc/mirrorboard.yaml')).toBe('trial');
    for (const [name, at, manifest] of [
      ['tracker-a', folder, { type: 'module', exports: { '.': { types: './x.d.ts', import: './main.js' } } }],
      ['@scope/tracker-b', join(folder, 'etc'), { type: 'module', main: 'main.js' }],
    ] as const) {
      const path = join(at, 'node_modules', name);
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, 'package.json'), JSON.stringify({ name, ...manifest }));
      writeFileSync(join(path, 'main.js'), `export const backend = { type: '${name}', parse() {}, target() {}, create() {} };`);
      expect(await found(name, 'etc/mirrorboard.yaml')).toBe(name);
    }
  });

  it.each([
    ['./none.js', undefined, 'no such module:'],
    ['no-such-tracker', undefined, ': no such type'],
    ['../../etc', undefined, ''],
    ['./half.mjs', 'export default { type: "half", parse() {}, target() {} };', 'has no function create'],
    ['./other.mjs', 'export const a = 1, b = () => 2;', 'exports a, b'],
    ['./broken.mjs', 'throw new Error("boom");', 'boom'],
    ['./nothing.mjs', '', 'exports nothing'],
  ])('reports the problem of %s', async (name, source, found) => {
    if (source !== undefined) writeFileSync(join(folder, name), source);
    const error = await failure(backendType(name, { cwd: folder, configFile: undefined }));
    expect([error.code, error.exitCode]).toEqual(['MB4009', 2]);
    expect(error.message).toContain(found);
  });
});

describe('variables that name a file with the value', () => {
  const file = (content: string, name = 'value'): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const text = `lanes: { t: { ${TRIAL}, url: u, api_key: "\${KEY}" } }`;

  it('set any setting of a lane, have priority over the file and the variables of the tracker, and are never shown', async () => {
    const env = {
      KEY: 'weaker',
      TRIAL_API_KEY: 'weaker',
      MIRRORBOARD_T_API_KEY_FILE: file('k 1\r\n'),
      MIRRORBOARD_T_URL_FILE: file('http://me:pw@host\n\n', 'url'),
    };
    const lanes = await resolve(text, env);
    expect(lanes[0]?.settings).toEqual({ url: 'http://me:pw@host\n', api_key: 'k 1' });
    expect(shown(lanes)).toEqual({
      url: '[redacted] <- MIRRORBOARD_T_URL_FILE',
      api_key: '[redacted] <- MIRRORBOARD_T_API_KEY_FILE',
    });
  });

  it('replace references in the file, too', async () => {
    const lanes = await resolve(text.replaceAll('KEY', 'MIRRORBOARD_KEY'), { MIRRORBOARD_KEY_FILE: file('hunter2\n') });
    expect(lanes[0]?.settings).toEqual({ url: 'u', api_key: 'hunter2' });
    const error = await failure(resolve(text.replaceAll('KEY', 'MIRRORBOARD_KEY'), { MIRRORBOARD_KEY: 'a', MIRRORBOARD_KEY_FILE: '/f' }));
    expect(error.message).toContain('found values in MIRRORBOARD_KEY and in MIRRORBOARD_KEY_FILE, expected one of them');
  });

  it('conflict with the variable that has the value itself, under any of their names', async () => {
    const both = { KEY: 'k', MIRRORBOARD_T_ADDRESS: 'a', MIRRORBOARD_T_URL_FILE: file('b') };
    expect((await failure(resolve(text, both))).message).toContain(
      'MIRRORBOARD_T_URL_FILE: lanes.t.url: found a value in MIRRORBOARD_T_ADDRESS too, expected MIRRORBOARD_T_ADDRESS or MIRRORBOARD_T_URL_FILE, not both',
    );
    const mlflow = 'lanes: { mlflow: { tracking_uri: "http://h" } }';
    const token = { MIRRORBOARD_MLFLOW_TOKEN: 'a', MIRRORBOARD_MLFLOW_TOKEN_FILE: file('b') };
    expect((await failure(resolve(mlflow, token))).message).toContain(
      'MIRRORBOARD_MLFLOW_TOKEN or MIRRORBOARD_MLFLOW_TOKEN_FILE, not both',
    );
  });

  it.each([
    ['is not there', '/no/such/file', 'the file /no/such/file, which cannot be read (it does not exist (ENOENT))'],
    ['is empty', '\n', 'which is empty'],
    ['is no text', '\0', 'which cannot be read (found a zero byte)'],
    ['is large', 'x'.repeat(70_000), 'which has more than 64 KiB'],
  ])('are refused when the file %s', async (_, content, said) => {
    const path = content.startsWith('/') ? content : file(content);
    const error = await failure(resolve(text, { KEY: 'k', MIRRORBOARD_T_API_KEY_FILE: path }));
    expect(error.message).toContain('MIRRORBOARD_T_API_KEY_FILE: lanes.t.api_key: found the file');
    expect(error.message).toContain(said);
  });

  it('are refused without a wait for a pipe, a device or a folder, and without reading all of a huge file', async () => {
    const [pipe, huge] = [join(folder, 'pipe'), file('x', 'huge')];
    execFileSync('mkfifo', [pipe]);
    // More than one buffer can hold.
    truncateSync(huge, 2 ** 40);
    for (const path of [pipe, '/dev/zero', folder]) {
      const error = await failure(resolve(text, { KEY: 'k', MIRRORBOARD_T_API_KEY_FILE: path }));
      expect(error.message).toContain(`lanes.t.api_key: found ${path}, which is not a regular file, expected a readable file`);
    }
    const error = await failure(resolve(text, { KEY: 'k', MIRRORBOARD_T_API_KEY_FILE: huge }));
    expect(error.message).toContain('which has more than 64 KiB');
  });

  it('have priority with the path in a setting of the type, over its secret in the file and the variables of the tracker', async () => {
    const mlflow = `lanes: { mlflow: { tracking_uri: "http://h", token: "\${KEY}" } }`;
    const env = { KEY: 'weak', MLFLOW_TRACKING_TOKEN: 'weak', MIRRORBOARD_MLFLOW_TOKEN_FILE: file('strong\n') };
    const [lane] = await resolve(mlflow, env);
    expect(lane?.settings).toMatchObject({ auth: { token: 'strong' } });
  });
});
