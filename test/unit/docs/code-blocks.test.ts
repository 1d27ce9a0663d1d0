// Every block of code in the pages is one that its reader accepts: the program, a compiler, a shell, the schema of the
// chart. Command lines and SQL have tests of their own, next to this one.
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../../../src/config/index.ts';
import { resolveLanes } from '../../../src/lanes/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md') && name !== 'CHANGELOG.md'),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.startsWith('.vitepress'))
    .map((name) => `docs/${name}`),
];

interface Block {
  readonly page: string;
  /** Where it begins: `docs/routing.md:27`. */
  readonly place: string;
  readonly language: string;
  readonly text: string;
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(root, page), 'utf8');
  const lineAt = (index: number): number => text.slice(0, index).split('\n').length;
  const fenced = [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map((match) => ({ language: match[1] ?? '', code: match[2] ?? '', match }));
  // The README sets its blocks in by four blanks; one that is a configuration names its file.
  const setIn = [...text.matchAll(/^ {4}# mirrorboard\.yaml\n((?: {4}.*\n)+)/gm)].map((match) => ({
    language: 'yaml',
    code: (match[1] ?? '').replace(/^ {4}/gm, ''),
    match,
  }));
  return [...fenced, ...setIn].map(({ language, code, match }) => ({
    page,
    place: `${page}:${lineAt(match.index)}`,
    language,
    text: code,
  }));
}

const blocks = pages.flatMap(blocksOf);
const of = (...languages: string[]): (readonly [string, Block])[] =>
  blocks.filter(({ language }) => languages.includes(language)).map((block) => [block.place, block]);

/** Pages whose YAML is not a configuration of ours. */
const OTHER_YAML: Readonly<Record<string, (document: unknown) => unknown>> = {
  'docs/deployment.md': (values) => [validateValues(values), validateValues.errors],
  // test/unit/deployment gives these to promtool.
  'docs/metrics.md': (document) => [
    Object.keys(document as object).every((key) => /^(?:scrape_configs|rule_files|groups)$/.test(key)),
    null,
  ],
};
const validateValues = new Ajv({ strict: false }).compile(
  JSON.parse(readFileSync(join(root, 'config/helm/mirrorboard/values.schema.json'), 'utf8')),
);
/** What the pages leave to the environment. */
const ENVIRONMENT = {
  HOME: '/home/user',
  MLFLOW_TRACKING_URI: 'http://mlflow:5000',
  WANDB_API_KEY: '0123456789012345678901234567890123456789',
  CLEARML_API_ACCESS_KEY: 'key',
  CLEARML_API_SECRET_KEY: 'secret',
};
/** A backend type that the page later shows how to write. */
const OWN_TYPE = 'mirrorboard-backend-jsonl';

test('every block has a language that is checked, or is output', () => {
  expect(blocks.length).toBeGreaterThan(90);
  const languages = new Set(blocks.map(({ language }) => language));
  expect([...languages].sort()).toEqual(['', 'console', 'json', 'python', 'sh', 'sql', 'ts', 'yaml']);
});

test.each(of('yaml'))('the program accepts the configuration at %s', async (_, { page, text }) => {
  const other = OTHER_YAML[page];
  if (other !== undefined && /^kind:/m.test(text)) return expectResources(text);
  if (other !== undefined) return expect(other(parse(text))).toEqual([true, null]);
  const config = await loadConfig({ flags: {}, env: ENVIRONMENT, cwd: root, readFile: () => text });
  const lanes = resolveLanes(config, ENVIRONMENT);
  if (text.includes(OWN_TYPE)) return await expect(lanes).rejects.toThrow(`the backend "${OWN_TYPE}": no such type`);
  return expect((await lanes).length).toBe(config.lanes.trackers.length);
});

interface Named {
  readonly name: string;
}

/** Resources of Kubernetes: whole ones, and a pod whose mounts, volumes and claims fit together. */
function expectResources(text: string): void {
  const documents = parseAllDocuments(text, { uniqueKeys: true });
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  const resources = documents.map((document) => document.toJS());
  for (const resource of resources) {
    expect(resource).toMatchObject({ apiVersion: 'v1', kind: expect.stringMatching(/^(?:Pod|PersistentVolumeClaim)$/), spec: {} });
    expect(resource.metadata.name).toMatch(/^[a-z0-9-]+$/);
  }
  const [{ spec }, ...rest] = resources.filter(({ kind }) => kind === 'Pod');
  expect(rest).toEqual([]);
  const volumes = spec.volumes.map(({ name }: Named) => name);
  const mounts = spec.containers.flatMap(({ volumeMounts }: { readonly volumeMounts: readonly Named[] }) => volumeMounts);
  expect(mounts.map(({ name }: Named) => name)).toEqual(volumes);
  const claims = spec.volumes.flatMap(
    (volume: { readonly persistentVolumeClaim?: { readonly claimName: string } }) => volume.persistentVolumeClaim?.claimName ?? [],
  );
  for (const { kind, metadata } of resources) if (kind === 'PersistentVolumeClaim') expect(claims).toContain(metadata.name);
}

test.each(of('json'))('%s is JSON', (_, { text }) => {
  const documents = text.startsWith('{\n') ? [text] : text.trim().split('\n');
  expect(() => documents.map((document) => JSON.parse(document))).not.toThrow();
});

test.each(of('sh'))('a shell can read %s', (_, { text }) => {
  // `…` stands for what a page leaves out.
  const { status, stderr } = spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});

const python = of('python');
const hasPython = spawnSync('python3', ['--version']).status === 0;
(hasPython ? test : test.skip)('Python can read its blocks', () => {
  expect(python.length).toBeGreaterThan(2);
  for (const [place, { text }] of python) {
    const { status, stderr } = spawnSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], {
      input: text,
      encoding: 'utf8',
    });
    expect([place, status, stderr]).toEqual([place, 0, '']);
  }
});

/** What a page has said before a block, by the block's first line. */
const BEFORE: Readonly<Record<string, string>> = {
  'export const FIELDS = {': "import { ADDRESS, type SettingFields, PATH, TEXT } from 'mirrorboard/backend';",
  'const CAPABILITIES = capabilities({': "import { capabilities } from 'mirrorboard/backend';\nexport { CAPABILITIES };",
  "const failures = new Failures<'gone'>({":
    "import { type FailedAnswer, Failures } from 'mirrorboard/backend';\ndeclare const answer: FailedAnswer;\ndeclare const url: string;",
  "import * as runner from 'node:test';": "import { Service } from './service.ts';\nconst TOKEN = 'secret';",
};

describe('TypeScript', () => {
  test('compiles its blocks with the types of the package', async () => {
    const folder = temporaryFolder();
    const example = join(root, 'examples/jsonl-backend');
    mkdirSync(join(folder, 'test'));
    const paths = { mirrorboard: ['index'], 'mirrorboard/backend': ['backend'], 'mirrorboard/testing': ['testing/index'] };
    const places = Object.entries(paths).map(([name, [file]]) => [name, [join(root, `dist/src/${file}.d.ts`)]] as const);
    const options = {
      rootDir: '/',
      noEmit: true,
      allowImportingTsExtensions: true,
      rewriteRelativeImportExtensions: false,
      declaration: false,
    };
    const config = {
      extends: join(root, 'tsconfig.json'),
      compilerOptions: { ...options, typeRoots: [join(root, 'node_modules/@types')], paths: Object.fromEntries(places) },
      include: ['test'],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    const typed = of('ts');
    expect(typed.length).toBeGreaterThan(5);
    for (const [place, { text }] of typed) {
      const before = BEFORE[text.split('\n', 1)[0] ?? ''] ?? '';
      const code = `${before}\n${text}\nexport {};\n`
        .replaceAll("'../src/", `'${example}/src/`)
        .replaceAll("'./service.ts'", `'${example}/test/service.ts'`);
      writeFileSync(join(folder, 'test', `${place.replaceAll(/\W/g, '-')}.ts`), code);
    }
    const said = await new Promise<string>((resolve) => {
      execFile(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], (_, stdout, stderr) =>
        resolve(stdout + stderr),
      );
    });
    expect(said).toBe('');
  });
});
