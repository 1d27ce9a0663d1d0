// The JSON of every command, held against the schemas that the package brings.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { commandsOf } from '../../src/cli/command-line.ts';
import { makeProgram } from '../../src/cli/program.ts';
import { DOCUMENTS, jsonSchemaOf } from '../reference/documents.ts';
import { referenceFiles } from '../reference/main.ts';
import { corpus, endAll, freshDirectory, mirrorboard, mustRun, remove, repository, start } from './command.ts';

const ajv = new Ajv2020({ strict: false, allErrors: true });
const closed = new Map<string, ValidateFunction>(Object.keys(DOCUMENTS).map((name) => [name, ajv.compile(jsonSchemaOf(name, true))]));
const seen = new Set<string>();

let folder: string;

beforeAll(async () => {
  folder = freshDirectory();
  for (const name of ['torch_everything', 'made_edge_files', 'tf2_tags_and_steps', 'tf2_hparams'])
    cpSync(corpus(name), join(folder, 'logs', name), { recursive: true });
  cpSync(join(repository, 'test/damaged'), join(folder, 'logs/damaged'), { recursive: true });
  writeFileSync(join(folder, 'mirrorboard.yaml'), 'lanes:\n  local: {}\n  wandb: { mode: offline, project: mirror }\n');
  cpSync(join(folder, 'logs'), join(folder, 'moved'), { recursive: true });
});
afterEach(endAll);
afterAll(() => {
  remove(folder);
});

/** Says which fields of a document do not fit its schema, of which all fields are known. */
function check(name: string, document: unknown): void {
  const validate = closed.get(name)!;
  const fits = validate(document);
  const problems = validate.errors
    ?.slice(0, 5)
    .map(({ instancePath, message, params }) => `${instancePath}: ${message} ${JSON.stringify(params)}`);
  expect([name, fits, problems ?? []]).toEqual([name, true, []]);
  seen.add(name);
}

async function documentOf(...args: string[]): Promise<unknown> {
  const { stdout } = await mirrorboard([...args, '--json'], { cwd: folder });
  return JSON.parse(stdout);
}

describe('the JSON of each command follows its schema:', () => {
  it.each([
    ['plan', ['backfill', 'logs', '--dry-run']],
    ['summary', ['backfill', 'logs']],
    ['summary', ['backfill', 'logs']],
    ['verification', ['verify', '--lane', 'local']],
    ['verifications', ['verify', '--report', 'first.jsonl']],
    ['verification', ['verify', '--between', 'local', 'wandb']],
    ['migration', ['migrate', '--from', 'local', '--to', 'wandb']],
    ['inspection', ['inspect', 'logs']],
    ['status', ['status']],
    ['roots', ['root', 'list']],
    ['runs', ['runs']],
    ['runs', ['run', 'list', '--in-state', 'damaged']],
    ['route', ['route', 'torch_everything']],
    ['lane', ['lane', 'pause', 'wandb', '--root', 'logs']],
    ['status', ['status']],
    ['lane', ['lane', 'resume', 'wandb']],
    ['lane', ['lane', 'retry', 'wandb']],
    ['state', ['state', 'show']],
    ['state-check', ['state', 'check']],
    ['state-export', ['state', 'export']],
    ['state-split', ['state', 'split', '--shards', '2', '--to', 'shards']],
    ['state-merge', ['state', 'merge', 'shards/0', 'shards/1', '--to', 'merged']],
    ['config-check', ['config', 'check']],
    ['config', ['config', 'show']],
    ['doctor', ['doctor', 'logs', '--timeout', '1']],
    ['error-code', ['explain', 'MB3007']],
    ['error-codes', ['explain']],
    ['error', ['inspect', 'nothing-here']],
    ['error', ['backfill', '--no-such-flag']],
    ['init', ['init', '--out', 'other.yaml', 'logs']],
    ['root-rename', ['root', 'rename', 'logs', 'renamed', '--dry-run']],
    ['root-move', ['root', 'move', 'logs', 'moved', '--dry-run']],
    ['forget', ['root', 'forget', 'logs', '--dry-run']],
    ['forget', ['run', 'forget', 'torch_everything', '--yes']],
    ['truth', ['inspect', 'logs/torch_everything', '--format', 'json']],
    ['truth', ['export']],
  ])('%s of %j', async (name, args) => {
    check(name, await documentOf(...args));
  });

  it('difference of verify --report', async () => {
    const logs = join(folder, 'logs/tf2_tags_and_steps');
    await mustRun(['export', '--out', 'all.json'], { cwd: folder });
    remove(join(folder, 'mirrorboard.media'));
    cpSync(corpus('torch_hparams'), join(logs, 'more'), { recursive: true });
    await mirrorboard(['verify', '--strict', '--lane', 'local', '--report', 'differences.jsonl'], { cwd: folder });
    const lines = readFileSync(join(folder, 'differences.jsonl'), 'utf8').split('\n').filter(Boolean);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) check('difference', JSON.parse(line));
  });

  it('watch-status of watch', async () => {
    const watching = start(['watch', 'logs', '--store', 'watched.db', '--state', 'watched.state', '--json'], { cwd: folder });
    await watching.said(/mirrored/);
    const during = (await documentOf('status', '--store', 'watched.db', '--state', 'watched.state')) as { watch: { status: unknown } };
    check('status', during);
    watching.child.kill('SIGTERM');
    check('watch-status', JSON.parse((await watching.ended).stdout));
  });

  it('tensorboard of tensorboard', async () => {
    const serving = start(['tensorboard', '--serve-only', '--json'], { cwd: folder });
    const text = await new Promise((resolve) => serving.child.stdout?.once('data', (data) => resolve(String(data))));
    check('tensorboard', JSON.parse(text as string));
    serving.child.kill('SIGTERM');
    expect((await serving.ended).code).toBe(0);
  });

  it('page of page', async () => {
    const serving = start(['page', '--listen', '127.0.0.1:0', '--json'], { cwd: folder });
    const text = await new Promise((resolve) => serving.child.stdout?.once('data', (data) => resolve(String(data))));
    check('page', JSON.parse(text as string));
    serving.child.kill('SIGTERM');
    expect((await serving.ended).code).toBe(0);
  });

  it('and the tests saw every document of the package', () => {
    expect(Object.keys(DOCUMENTS).filter((name) => !seen.has(name))).toEqual([]);
  });
});

describe('the schemas of the package', () => {
  const files = referenceFiles();

  it('describe one document each, and allow more fields', () => {
    const names = [...files.keys()].filter((name) => name.startsWith('schemas/'));
    expect(names).toEqual(Object.keys(DOCUMENTS).map((name) => `schemas/${name}.json`));
    const validate = ajv.compile(JSON.parse(files.get('schemas/init.json')!));
    expect([validate({ type: 'init', file: 'a', roots: [], more: 1 }), validate({ type: 'init', file: 1, roots: [] })]).toEqual([
      true,
      false,
    ]);
  });

  it('are listed in docs/json.md, each with the commands that write it', () => {
    const page = readFileSync(join(repository, 'docs/json.md'), 'utf8');
    const listed = [...page.matchAll(/^\| `schemas\/([\w-]+)\.json` \| (.*?) \| (.*) \|$/gm)].map(([, name, from, meaning]) => [
      name,
      from,
      meaning,
    ]);
    expect(listed).toEqual(
      Object.entries(DOCUMENTS).map(([name, { from, meaning }]) => [
        name,
        from === 'every command'
          ? from
          : from
              .split(', ')
              .map((one) => `\`${one}\``)
              .join(', '),
        meaning,
      ]),
    );
  });

  it('exist for every command that writes JSON', () => {
    const program = makeProgram({ stdout: process.stdout, stderr: process.stderr, env: {}, exitCode: 0 });
    const writing = commandsOf(program).filter(({ command }) => command.options.some(({ long }) => long === '--json'));
    const named = Object.values(DOCUMENTS).flatMap(({ from }) => from.split(', ').map((one) => one.replace(/ (?:--.*|CODE)$/, '')));
    const same = ['run list', 'run forget'];
    expect(writing.map(({ path }) => path).filter((path) => !named.includes(path) && !same.includes(path))).toEqual([]);
  });
});
