import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { loadConfig } from '../../../src/config/index.ts';
import { resolveLanes } from '../../../src/lanes/index.ts';
import { VERSIONS } from '../../compat/servers.ts';
import { imageEnvironment, readText, repository } from './files.ts';

interface Service {
  readonly image: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly ports: readonly string[];
  readonly volumes: readonly (string | { readonly source: string; readonly target: string; readonly read_only?: boolean })[];
  readonly profiles?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly stop_grace_period?: string;
}

const text = readText('config/compose.yaml');
const { services }: { readonly services: Readonly<Record<'mlflow' | 'aim' | 'mirrorboard', Service>> } = parse(text);
const { mirrorboard, mlflow, aim } = services;

/** A text with what stands for its variables, as compose puts it in. */
function filled(value: string, env: Readonly<Record<string, string>> = {}): string {
  return value.replace(/\$\{(\w+):-([^}]*)\}/g, (_, name: string, otherwise: string) => env[name] ?? otherwise);
}

/** What the program finds in its environment: variables without a value are those of the shell. */
function environmentWith(env: Readonly<Record<string, string>>): Record<string, string> {
  const own = Object.entries(mirrorboard.environment ?? {}).flatMap(([name, value]) => {
    const given = value === null ? env[name] : filled(value, env);
    return given === undefined ? [] : [[name, given] as const];
  });
  return { ...Object.fromEntries(imageEnvironment()), ...Object.fromEntries(own) };
}

/** The lanes that the program has with variables of the shell. */
async function lanesWith(shell: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const env = environmentWith(shell);
  const config = await loadConfig({ flags: {}, env, cwd: '/var/lib/mirrorboard', readFile: missing });
  expect(config.unknownVariables).toEqual([]);
  const lanes = await resolveLanes(config, env);
  return Object.fromEntries([['local', config.lanes.local?.path ?? ''], ...lanes.map(({ name, target }) => [name, target] as const)]);
}

/** There is no configuration file. */
function missing(): never {
  throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
}

describe('config/compose.yaml', () => {
  test('starts the image of this version, with the tested versions of MLflow and Aim', () => {
    expect(mirrorboard.image).toBe(`mirrorboard:${JSON.parse(readText('package.json')).version}`);
    expect(filled(mlflow.image)).toBe(`ghcr.io/mlflow/mlflow:v${VERSIONS.at(-1)}`);
    const [, version] = /^aim==(\S+)$/m.exec(readText('test/support/aim-requirements.txt')) ?? [];
    expect(filled(aim.image)).toBe(`aimstack/aim:${version}`);
  });

  test('mirrors the sample logs into MLflow and the local store by default', async () => {
    const [logs] = mirrorboard.volumes;
    if (typeof logs !== 'object') throw new Error('the logs are no bind mount');
    expect(existsSync(join(repository, 'config', filled(logs.source)))).toBe(true);
    expect(logs).toMatchObject({ target: '/logs', read_only: true });
    expect(mirrorboard.command).toEqual(['watch', 'logs=/logs', '--listen', '0.0.0.0:8080']);
    expect(await lanesWith({})).toEqual({
      local: '/var/lib/mirrorboard/mirrorboard.db',
      mlflow: expect.stringContaining('http://mlflow:5000'),
    });
  });

  test('mirrors into every other tracker with variables of the shell', async () => {
    const wandb = { WANDB_API_KEY: 'k'.repeat(40), WANDB_ENTITY: 'me' };
    const clearml = { CLEARML_API_HOST: 'http://clearml:8008', CLEARML_API_ACCESS_KEY: 'a', CLEARML_API_SECRET_KEY: 's' };
    const lanes = await lanesWith({ LANES: 'local,mlflow,wandb,clearml,aim', ...wandb, ...clearml });
    expect(Object.keys(lanes)).toEqual(['local', 'mlflow', 'wandb', 'clearml', 'aim']);
    const offline = await lanesWith({ LANES: 'local,wandb,clearml', WANDB_MODE: 'offline', CLEARML_OFFLINE_MODE: '1' });
    expect(Object.keys(offline)).toEqual(['local', 'wandb', 'clearml']);
  });

  test('lets MLflow answer to the host name that mirrorboard uses', () => {
    const hosts = mlflow.command
      .find((word) => word.startsWith('--allowed-hosts='))
      ?.split('=')[1]
      ?.split(',');
    expect(hosts).toEqual(expect.arrayContaining([new URL(mirrorboard.environment?.['MIRRORBOARD_MLFLOW_TRACKING_URI'] ?? '').host]));
  });

  test('opens no port to other machines, and gives mirrorboard no rights', () => {
    for (const { ports } of Object.values(services)) for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    expect([mirrorboard.read_only, mirrorboard.cap_drop, mirrorboard.stop_grace_period]).toEqual([true, ['ALL'], '60s']);
    expect(aim.profiles).toEqual(['aim']);
  });

  test('has only variables that docs/deployment.md explains', () => {
    const shell = Object.entries(mirrorboard.environment ?? {}).flatMap(([name, value]) => (value === null ? [name] : []));
    const [section = ''] = /^## Try it[\s\S]*?(?=^## )/m.exec(readText('docs/deployment.md')) ?? [];
    for (const name of [...shell, ...[...text.matchAll(/\$\{(\w+):-/g)].map(([, name]) => name)]) expect(section).toContain(`\`${name}\``);
  });
});
