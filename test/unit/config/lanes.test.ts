import { describe, expect, it } from '@jest/globals';
import { type Config, expandTemplate, type Flags, loadConfig, templateProblem } from '../../../src/config/index.js';
import { MirrorError } from '../../../src/errors.js';

interface Given {
  readonly text?: string;
  readonly env?: Record<string, string>;
  readonly flags?: Flags;
}

function load({ text, env = {}, flags = {} }: Given): Promise<Config> {
  const readFile = (): string => {
    if (text === undefined) throw Object.assign(new Error('none'), { code: 'ENOENT' });
    return text;
  };
  return loadConfig({ flags, env, cwd: '/work', readFile });
}

async function failure(given: Given): Promise<MirrorError> {
  const error: unknown = await load(given).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof MirrorError)) throw new Error(`expected a MirrorError, got ${String(error)}`);
  return error;
}

function names(config: Config): string[] {
  return [...(config.lanes.local === undefined ? [] : ['local']), ...config.lanes.trackers.map(({ name }) => name)];
}

const PROFILES = `
project: vision
tags: { team: vision, version: 1.0 }
lanes:
  local: {}
  mlflow: { tracking_uri: "http://top:5000", tags: { team: own } }
  spare: { type: ./spare.js, api_key: "\${SPARE_KEY}" }
profiles:
  development: { lanes: [local, mlflow], mlflow: { backend_url: "sqlite:///dev.db" } }
  staging:
    backends: [mlflow]
    config: { mlflow: { backend_url: "\${STAGING_URL}", run_name: "{name}" }, shared_tags: [staging] }
  production: { lanes: [local, mlflow, spare], project: prod, tags: { team: ops }, local: { path: prod.db } }
`;

describe('the lanes', () => {
  it.each<[string, Given, string[]]>([
    ['local alone where nothing is listed', {}, ['local']],
    ['local alone where nothing is listed in the file', { text: 'project: a' }, ['local']],
    ['those listed', { text: 'lanes: { mlflow: {}, local: }' }, ['local', 'mlflow']],
    ['those of a plain list', { text: 'lanes: [mlflow]' }, ['mlflow']],
    ['those of backend', { text: 'backend: mlflow\nlanes: { local: {} }' }, ['mlflow']],
    ['those of backends', { text: 'backends: [local, mlflow, local]' }, ['local', 'mlflow']],
    ['those of MIRRORBOARD_LANES', { text: 'lanes: [local]', env: { MIRRORBOARD_LANES: 'mlflow, local' } }, ['local', 'mlflow']],
    ['those of TRACELET_BACKEND', { env: { TRACELET_BACKEND: '["mlflow"]' } }, ['mlflow']],
    ['those of the flag', { env: { MIRRORBOARD_LANES: 'local' }, flags: { lanes: ['mlflow'] } }, ['mlflow']],
    ['not those whose own variables are set', { env: { MLFLOW_TRACKING_URI: 'http://x' } }, ['local']],
    ['those of the profile', { text: PROFILES, flags: { profile: 'development' } }, ['local', 'mlflow']],
  ])('are %s', async (_, given, expected) => {
    expect(names(await load(given)).sort()).toEqual(expected.sort());
  });

  it('have the type of their name, or the configured one', async () => {
    const { lanes } = await load({ text: 'lanes: { mlflow: {}, second: { type: mlflow, url: x }, own: { type: ./own.js } }' });
    expect(lanes.trackers.map(({ name, type, section }) => [name, type, section])).toEqual([
      ['mlflow', 'mlflow', {}],
      ['second', 'mlflow', { url: 'x' }],
      ['own', './own.js', {}],
    ]);
    expect(lanes.local).toBeUndefined();
  });

  it('may have their type in another part of the same profile', async () => {
    const text = 'profiles: { p: { lanes: [own], own: { type: mlflow } } }';
    expect((await load({ text, flags: { profile: 'p' } })).lanes.trackers.map(({ type }) => type)).toEqual(['mlflow']);
  });

  it.each([
    ['lanes: { mlfow: {} }', 'm 1:10: lanes.mlfow: found a lane without a type', 'did you mean mlflow?'],
    ['backend: [mlfow]', 'found "mlfow"', 'did you mean mlflow?'],
    ['lanes: { a.b: { type: mlflow } }', 'found "a.b" as the name of a lane', ''],
    ['lanes: { other: { type: local } }', 'the only local store is the lane called local', ''],
    ['profiles: { dev: { lnes: {} } }', 'profiles.dev.lnes: found a lane without a type', ''],
    ['lanes: [[a]]', 'expected a mapping of lanes, or a list of their names', ''],
    ['lanes: { mlflow: { tags: { a: [b] } } }', 'lanes.mlflow.tags.a: found a list, expected a text', ''],
  ])('are refused if they are invalid: %s', async (text, found, guess) => {
    const error = await failure({ text });
    expect(error.code).toBe('MB1002');
    expect(error.message.replace('./mirrorboard.yaml:', 'm ')).toContain(found);
    expect(error.message).toContain(guess);
  });

  it('are an error if they are requested but missing, and the error names the existing ones', async () => {
    const error = await failure({ text: 'lanes: { own: { type: x } }', flags: { lanes: ['won'] } });
    expect([error.code, error.exitCode]).toEqual(['MB4010', 2]);
    expect(error.message).toBe('--to: no such lane: "won"; known lanes: local, mlflow, wandb, clearml, aim, trackio, parquet, own');
    expect((await failure({ flags: { lanes: ['mlfow'] } })).hint).toBe('Did you mean mlflow?');
    expect((await failure({ flags: { lanes: ['elsewhere'] } })).hint).toMatch(/^Add the lane to the configuration/);
  });

  it('take their settings from our variables before the file', async () => {
    const config = await load({
      text: 'lanes: { mlflow: { tracking_uri: file, experiment_name: file, insecure_tls: false } }',
      env: {
        TRACELET_MLFLOW_TRACKING_URI: 'tracelet',
        TRACELET_MLFLOW_EXPERIMENT_NAME: 'tracelet',
        MIRRORBOARD_MLFLOW_TRACKING_URI: 'ours',
        MIRRORBOARD_MLFLOW_INSECURE_TLS: 'true',
        MIRRORBOARD_MLFLOW_RUN_NAME: '{name}',
        MIRRORBOARD_MLFLOW_TAGS: 'a=b,c',
        MIRRORBOARD_MLFLOW_TOKEN: '',
        MIRRORBOARD_MLFLOW_SERVICE_HOST: '10.0.0.1',
        MIRRORBOARD_MLFLOW_PORT_5000_TCP_ADDR: '10.0.0.1',
      },
    });
    const [lane] = config.lanes.trackers;
    expect(lane?.section).toEqual({ tracking_uri: 'ours', experiment_name: 'tracelet', insecure_tls: true });
    expect(lane?.origins.get('tracking_uri')).toEqual({
      path: ['lanes', 'mlflow', 'tracking_uri'],
      location: 'MIRRORBOARD_MLFLOW_TRACKING_URI',
      rank: 2,
    });
    expect([lane?.runName, lane?.tags]).toEqual(['{name}', { a: 'b', c: '' }]);
    expect(config.locations.get('lanes.mlflow.experiment_name')).toBe('TRACELET_MLFLOW_EXPERIMENT_NAME');
  });

  it('have their own templates, or those of all runs, or of the project', async () => {
    const templates = async (text: string): Promise<unknown[]> => {
      const [lane] = (await load({ text })).lanes.trackers;
      return [lane?.group, lane?.runName];
    };
    expect(await templates('lanes: [mlflow]')).toEqual([undefined, '{path}']);
    expect(await templates('lanes: [mlflow]\nproject: p')).toEqual(['{project}', '{path}']);
    expect(await templates('lanes: [mlflow]\nproject: p\nruns: { experiment: "{path[0]}", name: "{name}" }')).toEqual([
      '{path[0]}',
      '{name}',
    ]);
    expect(await templates('lanes: { mlflow: { experiment: e, run_name: "r-{root}" } }\nruns: { experiment: "{path[0]}" }')).toEqual([
      'e',
      'r-{root}',
    ]);
  });

  it('have templates that mirrorboard validates', async () => {
    const error = await failure({
      text: 'lanes:\n  mlflow: { run_name: "{pth}" }\n  b: { type: mlflow, run_name: "{" }\nruns: { experiment: "{project}" }',
    });
    expect(error.message.split('\n')).toEqual([
      './mirrorboard.yaml has 3 problems:',
      expect.stringContaining('mirrorboard.yaml:2:23: lanes.mlflow.run_name: found {pth}, expected one of {path}, {path[0]}'),
      expect.stringContaining('runs.experiment: found {project}, which is not set, expected a project'),
      expect.stringContaining('lanes.b.run_name: found a single { in "{"'),
    ]);
    expect(error.message).toContain('did you mean path?');
  });

  it('share tags, and their own have priority; a list is tags without values, and texts stay as they are written', async () => {
    const text = 'shared_tags: [resnet, v2.1]\ntags: { version: 1.0, on: yes }\nlanes: { mlflow: { tags: { version: v3 } } }';
    expect((await load({ text })).lanes.trackers[0]?.tags).toEqual({ resnet: '', 'v2.1': '', version: 'v3', on: 'yes' });
    expect((await load({ text: 'tags: { v: 1.0 }\nlanes: [mlflow]' })).lanes.trackers[0]?.tags).toEqual({ v: '1.0' });
  });

  it('have tags with any braces; a warning names a text that looks like a misspelled placeholder', async () => {
    const { notices } = await load({ text: 'tags: { trial: "{nubmer}", json: \'{"a": 1}\', ok: "{number}" }\nlanes: [mlflow, wandb]' });
    expect(notices).toEqual(['./mirrorboard.yaml:1:16: the tag trial contains {nubmer}, which is not replaced; did you mean {number}?']);
  });

  it.each([
    ['tags: { trial: "{nubmer}" }', '1:16'],
    ['lanes: { local: {}, mlflow: { tags: { trial: "{nubmer}" } } }\nbackend: local', '1:46'],
    ['profiles: { p: { tags: { trial: "{nubmer}" } } }', '1:33'],
    ['profiles: { p: { mlflow: { tags: { trial: "{nubmer}" } } } }', '1:43'],
    ['config: { shared_tags: { trial: "{nubmer}" } }', '1:33'],
  ])('also give this warning for tags that no lane uses now: %s', async (text, place) => {
    const notice = `./mirrorboard.yaml:${place}: the tag trial contains {nubmer}, which is not replaced; did you mean {number}?`;
    expect((await load({ text })).notices).toEqual([notice]);
  });

  it('name the variable that sets tags', async () => {
    const { notices } = await load({ text: 'lanes: [mlflow]', env: { MIRRORBOARD_MLFLOW_TAGS: 'a={nubmer}' } });
    expect(notices).toEqual(['MIRRORBOARD_MLFLOW_TAGS: the tag a contains {nubmer}, which is not replaced; did you mean {number}?']);
  });

  it('get every setting from variables: type, join and words that look like others, too', async () => {
    const env = {
      MIRRORBOARD_LANES: 'archive',
      MIRRORBOARD_ARCHIVE_TYPE: 'mlflow',
      MIRRORBOARD_ARCHIVE_JOIN: 'run_id.txt',
      MIRRORBOARD_ARCHIVE_RUN_NAME: 'true',
    };
    const [lane] = (await load({ env })).lanes.trackers;
    expect([lane?.type, lane?.joins, lane?.runName]).toEqual(['mlflow', [{ file: 'run_id.txt', waitMs: 60_000 }], 'true']);
  });

  it.each([
    [{ MIRRORBOARD_MLFLOW_JOIN: '/tmp/id' }, 'MIRRORBOARD_MLFLOW_JOIN: lanes.mlflow.join: found "/tmp/id", expected a path below the run'],
    [{ MIRRORBOARD_MLFLOW_TAGS: 'a=b,=c' }, 'MIRRORBOARD_MLFLOW_TAGS: lanes.mlflow.tags: found "=c", expected tags such as'],
  ])('refuse an invalid variable: %j', async (env, message) => {
    expect((await failure({ text: 'lanes: [mlflow]', env })).message).toContain(message);
  });

  it('know which of their settings are secret', async () => {
    const [lane] = (
      await load({
        text: `lanes: { mlflow: { url: "http://\${DB_PASSWORD}@x", token: "\${T}", a: b } }`,
        env: { DB_PASSWORD: 's', T: 't' },
      })
    ).lanes.trackers;
    expect([...(lane?.hidden ?? [])]).toEqual(['url', 'token']);
  });

  it('take the project from the environment before the file', async () => {
    const project = async (env: Record<string, string>): Promise<unknown> => (await load({ text: 'project: f', env })).project;
    expect(await project({ TRACELET_PROJECT: 't' })).toBe('t');
    expect(await project({ TRACELET_PROJECT: 't', MIRRORBOARD_PROJECT: 'm' })).toBe('m');
    expect(await project({ MIRRORBOARD_PROJECT: '' })).toBe('f');
  });
});

describe('profiles', () => {
  it('are selected by flag, then our variable, then ENVIRONMENT', async () => {
    const env = { ENVIRONMENT: 'staging', STAGING_URL: 'http://staging', SPARE_KEY: 'k' };
    const chosen = async (given: Given): Promise<unknown[]> => {
      const config = await load({ text: PROFILES, ...given });
      return [config.profile, config.locations.get('profile'), ...names(config)];
    };
    expect(await chosen({ env })).toEqual(['staging', 'ENVIRONMENT', 'mlflow']);
    expect(await chosen({ env: { ...env, MIRRORBOARD_PROFILE: 'development' } })).toEqual([
      'development',
      'MIRRORBOARD_PROFILE',
      'local',
      'mlflow',
    ]);
    expect(await chosen({ env: { ...env, MIRRORBOARD_PROFILE: 'development' }, flags: { profile: 'production' } })).toEqual([
      'production',
      '--profile',
      'local',
      'mlflow',
      'spare',
    ]);
  });

  it('override the top level of the file, setting by setting', async () => {
    const production = await load({ text: PROFILES, flags: { profile: 'production' }, env: { SPARE_KEY: 'k' } });
    expect([production.project, production.lanes.local]).toEqual(['prod', { path: 'prod.db', mediaPath: 'prod.media' }]);
    expect(production.lanes.trackers[0]).toMatchObject({
      section: { tracking_uri: 'http://top:5000' },
      tags: { team: 'own', version: '1.0' },
    });
    const staging = await load({ text: PROFILES, flags: { profile: 'staging' }, env: { STAGING_URL: 'http://staging' } });
    expect(staging.lanes.trackers[0]).toMatchObject({
      section: { tracking_uri: 'http://top:5000', backend_url: 'http://staging' },
      tags: { team: 'own', version: '1.0', staging: '' },
      runName: '{name}',
    });
    expect(staging.lanes.trackers[0]?.origins.get('backend_url')?.rank).toBe(1);
  });

  it('need no variables if they are not selected, and neither do unused lanes', async () => {
    expect(names(await load({ text: PROFILES, flags: { profile: 'development' } }))).toEqual(['local', 'mlflow']);
    const error = await failure({ text: PROFILES, flags: { profile: 'production' } });
    expect([error.code, error.message.includes('lanes.spare.api_key')]).toEqual(['MB1004', true]);
  });

  it('are an error if they are requested but missing', async () => {
    const error = await failure({ text: PROFILES, flags: { profile: 'prodction' }, env: { SPARE_KEY: 'k' } });
    expect([error.code, error.exitCode, error.message, error.hint]).toEqual([
      'MB1030',
      2,
      '--profile: no such profile: "prodction"; known profiles: development, staging, production',
      'Did you mean production?',
    ]);
    expect((await failure({ env: { MIRRORBOARD_PROFILE: 'qa' } })).message).toBe(
      'MIRRORBOARD_PROFILE: no such profile: "qa"; there is no configuration file',
    );
  });

  it('in ENVIRONMENT that do not exist get a note, and the default one applies', async () => {
    const text = 'profiles: { default: { lanes: [mlflow] }, dev: { lanes: [local] } }';
    const other = await load({ text, env: { ENVIRONMENT: 'qa' } });
    expect([other.profile, ...names(other)]).toEqual(['default', 'mlflow']);
    expect(other.notices[0]).toContain('no such profile: "qa" (ENVIRONMENT); using the profile default');
    expect((await load({ text })).notices).toEqual([]);
    expect((await load({ env: { ENVIRONMENT: 'qa' } })).notices).toEqual([]);
  });
});

describe('unused templates', () => {
  it.each([
    ['runs: { name: "{nmae}" }', 'runs.name: found {nmae}'],
    ['profiles: { p: { runs: { parent: "{nmae}" } } }', 'profiles.p.runs.parent: found {nmae}'],
    ['backend: local\nlanes: { local: {}, mlflow: { run_name: "{nmae}" } }', 'lanes.mlflow.run_name: found {nmae}'],
    ['backend: local\nlanes: { local: {}, m: { type: mlflow, experiment_name: "{nmae}" } }', 'lanes.m.experiment_name: found {nmae}'],
    ['profiles: { p: { lanes: [local], wandb: { project: "{nmae}" } } }', 'profiles.p.wandb.project: found {nmae}'],
    ['profiles: { p: { mlflow: { run_name: "{nmae}" } } }', '1:38: profiles.p.mlflow.run_name: found {nmae}'],
    ['profiles: { p: { config: { mlflow: { experiment: "{nmae}" } } } }', 'profiles.p.config.mlflow.experiment: found {nmae}'],
    ['profiles: { p: { artifacts: [{ files: "*.pt", to: "{nmae}" }] } }', 'profiles.p.artifacts[0].to: found {nmae}'],
    ['profiles: { p: { routes: [{ tags: "a", lanes: [mlfow] }] } }', 'profiles.p.routes[0].lanes: found the lane "mlfow"'],
  ])('are validated too: %s', async (text, message) => {
    expect((await failure({ text })).message).toContain(message);
  });

  it('may use a project that is not set', async () => {
    expect((await load({ text: 'runs: { name: "{project}" }' })).runs.name).toBe('{project}');
  });
});

describe('expandTemplate', () => {
  const run = { root: 'cluster', path: 'vision/resnet/lr=0.1', project: 'p' };
  it.each([
    ['{path}', 'vision/resnet/lr=0.1'],
    ['{path[0]}', 'vision'],
    ['{path[-1]}', 'lr=0.1'],
    ['{path[-2]}-{name}', 'resnet-lr=0.1'],
    ['{root}:{project}', 'cluster:p'],
    ['{{{name}}}', '{lr=0.1}'],
    ['a{path[7]}', 'a'],
    ['{path[7]}', 'cluster'],
    ['plain', 'plain'],
  ])('expands to %s', (template, expected) => {
    expect(expandTemplate(template, run)).toBe(expected);
  });

  it("calls the root itself by the root's name", () => {
    for (const template of ['{path}', '{name}', '{path[0]}']) expect(expandTemplate(template, { root: 'logs', path: '.' })).toBe('logs');
  });

  it('does not expand its own output', () => {
    expect(expandTemplate('{path}', { root: 'r', path: '{root}' })).toBe('{root}');
  });

  it('returns nothing for templates that have a problem', () => {
    for (const template of ['{', '}', '{}', '{a}', '{path[x]}', '{path[]}'])
      expect(templateProblem(template, { hasProject: true })).toBeDefined();
    for (const template of ['', '{{', '{{a}}', '{path[12]}', '{project}'])
      expect(templateProblem(template, { hasProject: true })).toBeUndefined();
  });
});
