// The workflows that check, release and document this repository: GitHub runs them only when it is too late to be
// wrong.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { goTool } from '../../support/go-tools.ts';
import { realTracker } from '../../support/real-tracker.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { readText, repository } from './files.ts';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Workflow {
  readonly permissions?: unknown;
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly 'timeout-minutes'?: number;
        readonly permissions?: Readonly<Record<string, string>>;
        readonly uses?: string;
        readonly needs?: string | readonly string[];
        readonly steps?: readonly Step[];
      }
    >
  >;
}

const names = readdirSync(join(repository, '.github/workflows'));
const workflows = names.map((name) => [name, parse(readText(`.github/workflows/${name}`)) as Workflow] as const);
const workflow = (name: string): Workflow => workflows.find(([one]) => one === name)![1];
const validate = new Ajv({ strict: false, validateFormats: false }).compile(
  JSON.parse(readText('test/support/schemas/github-workflow.json')),
);

const jobs = workflows.flatMap(([file, { jobs: all }]) => Object.entries(all).map(([name, job]) => ({ name: `${file}: ${name}`, job })));
const steps = jobs.flatMap(({ name, job }) => (job.steps ?? []).map((step) => ({ name, step })));

describe('the workflows', () => {
  test.each(workflows)('%s follows the schema of GitHub', (_, document) => {
    expect([validate(document), validate.errors]).toEqual([true, null]);
  });

  test('have a schema that refuses other files', () => {
    expect(validate({ on: 'push', jobs: { one: { 'runs-on': 'ubuntu-24.04', step: [] } } })).toBe(false);
  });

  test('have only read rights, except for the jobs that publish', () => {
    for (const [, { permissions }] of workflows) expect(permissions).toEqual({ contents: 'read' });
    const writing = jobs.filter(({ job }) => Object.values(job.permissions ?? {}).includes('write')).map(({ name }) => name);
    expect(writing.sort()).toEqual(['docs.yml: publish', 'release.yml: image', 'release.yml: npm', 'release.yml: release']);
  });

  test('have a time limit, and leave no credentials in the checkout', () => {
    for (const { job, name } of jobs)
      if (job.uses === undefined) expect([name, job['timeout-minutes']]).toEqual([name, expect.any(Number)]);
    const checkouts = steps.filter(({ step }) => step.uses?.startsWith('actions/checkout@'));
    expect(checkouts.length).toBeGreaterThan(3);
    for (const { step } of checkouts) expect(step.with).toMatchObject({ 'persist-credentials': false });
  });

  test('run only existing scripts', () => {
    const { scripts } = JSON.parse(readText('package.json'));
    const commands = steps.map(({ step }) => step.run ?? '').join('\n');
    const npm = [...commands.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name);
    expect(npm.filter((name) => !(name in scripts))).toEqual([]);
    const shell = [...commands.matchAll(/\bsh (scripts\/\S+)/g)].map(([, name = '']) => name);
    expect(shell.length).toBeGreaterThan(2);
    for (const name of shell) expect(readText(name)).toMatch(/^#!/);
  });

  test('publish nothing before the checks of the version and all others pass', () => {
    const { jobs: all } = workflow('release.yml');
    for (const name of ['npm', 'image']) expect(all[name]?.needs).toEqual(['version', 'check']);
    expect(all['check']?.uses).toBe('./.github/workflows/ci.yml');
    const published = all['npm']?.steps?.map(({ run }) => run ?? '').find((run) => run.startsWith('npm publish'));
    expect(published).toContain('--provenance');
    expect(all['image']?.steps?.some(({ uses }) => uses?.startsWith('actions/attest-build-provenance@'))).toBe(true);
  });
});

const actionlint = await realTracker('actionlint', () => goTool('github.com/rhysd/actionlint/cmd/actionlint@v1.7.12'));

if (actionlint !== undefined) {
  describe('actionlint', () => {
    test('finds no problem in the workflows', () => {
      const paths = names.map((name) => join(repository, '.github/workflows', name));
      const { status, stdout, stderr } = spawnSync(actionlint, ['-no-color', ...paths], { cwd: repository, encoding: 'utf8' });
      expect([status, stdout + stderr]).toEqual([0, '']);
    });
  });
}

describe('scripts/release-notes.sh', () => {
  let copy: string;

  beforeEach(() => {
    copy = temporaryFolder();
    mkdirSync(join(copy, 'scripts'));
    cpSync(join(repository, 'scripts/release-notes.sh'), join(copy, 'scripts/release-notes.sh'));
    writeFileSync(join(copy, 'package.json'), '{\n  "name": "mirrorboard",\n  "version": "1.2.3",\n  "type": "module"\n}\n');
    writeFileSync(join(copy, 'Dockerfile'), 'ARG VERSION=1.2.3\n');
    mkdirSync(join(copy, 'docs'));
    for (const page of ['README.md', 'docs/index.md']) writeFileSync(join(copy, page), 'Run npx mirrorboard.\n');
    writeFileSync(
      join(copy, 'CHANGELOG.md'),
      '# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-12-01\n\n- New.\n\n## [1.2.2]\n\n- Old.\n',
    );
  });

  const notes = (tag: string) => spawnSync('sh', [join(copy, 'scripts/release-notes.sh'), tag], { encoding: 'utf8' });
  const change = (name: string, from: string, to: string) =>
    writeFileSync(join(copy, name), readFileSync(join(copy, name), 'utf8').replace(from, to));

  test('prints the section of the version', () => {
    expect(notes('v1.2.3')).toMatchObject({ status: 0, stdout: '\n- New.\n', stderr: '' });
  });

  test.each([
    ['a tag of another version', () => undefined, 'v1.2.4', 'the tag is v1.2.4, and package.json has version 1.2.3'],
    ['no tag', () => undefined, '', 'the tag is not given'],
    ['an image of another version', () => change('Dockerfile', '1.2.3', '1.2.2'), 'v1.2.3', 'the Dockerfile has another version'],
    ['a version without notes', () => change('CHANGELOG.md', '- New.', ''), 'v1.2.3', 'no section [1.2.3], or an empty one'],
    ['a version that the changelog lacks', () => change('CHANGELOG.md', '[1.2.3]', '[1.2]'), 'v1.2.3', 'no section [1.2.3]'],
    ['a README from before', () => change('README.md', 'Run', 'It is not on npm yet. Run'), 'v1.2.3', 'README.md says that mirrorboard'],
  ])('refuses %s', (_, spoil, tag, said) => {
    spoil();
    expect(notes(tag)).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining(said) });
  });

  test('needs only the dated section, and the pages of this checkout that name npm', () => {
    for (const name of ['package.json', 'Dockerfile', 'CHANGELOG.md', 'README.md', 'docs/index.md']) {
      writeFileSync(join(copy, name), readText(name));
    }
    const { version } = JSON.parse(readText('package.json'));
    if (!readText('CHANGELOG.md').includes(`## [${version}]`)) {
      expect(notes(`v${version}`)).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining(`no section [${version}]`) });
      change('CHANGELOG.md', '## [Unreleased]\n', `## [Unreleased]\n\n## [${version}] - 2026-12-01\n`);
    }
    for (const name of ['README.md', 'docs/index.md']) {
      const text = readFileSync(join(copy, name), 'utf8');
      if (!text.includes('is not on npm yet')) continue;
      expect(notes(`v${version}`)).toMatchObject({
        status: 1,
        stdout: '',
        stderr: expect.stringContaining(`${name} says that mirrorboard`),
      });
      writeFileSync(join(copy, name), text.replace(/mirrorboard is not on npm yet[.:].*/, ''));
    }
    const { status, stdout, stderr } = notes(`v${version}`);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('### ');
    expect(stdout).not.toContain('## [');
  });

  test('reads the version of this checkout from its package.json', () => {
    const { version } = JSON.parse(readText('package.json'));
    const answer = spawnSync('sh', [join(repository, 'scripts/release-notes.sh'), 'v0.0.0'], { encoding: 'utf8' });
    expect(answer.stderr).toContain(`expected v${version}`);
    expect(() => execFileSync('sh', ['-n', join(repository, 'scripts/release-notes.sh')])).not.toThrow();
  });
});
