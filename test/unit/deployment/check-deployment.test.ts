import { execFile } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { readText, repository } from './files.ts';

interface Checked {
  readonly code: number;
  readonly output: string;
}

function check(directory: string, checks: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Checked> {
  const script = join(repository, 'scripts/check-deployment.sh');
  return new Promise((resolve) => {
    execFile('sh', [script, directory, ...checks], { env: { ...process.env, ...env }, timeout: 1_800_000 }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, output: stdout + stderr });
    });
  });
}

// Here and not in a test: the names of the tests say what could not be tried. A first run downloads the tools.
const here = await check(repository);
const reasons = new Map([...here.output.matchAll(/^skipped ([\w-]+): (.*)$/gm)].map(([, tool = '', reason = '']) => [tool, reason]));

/** A test that needs a tool; skipped with the reason where that can't be had. */
function withTool(tool: string, name: string, run: () => Promise<void>): void {
  const reason = reasons.get(tool);
  if (reason === undefined) test(name, run, 120_000);
  else test.skip(`${name} (no ${tool}: ${reason})`, run);
}

let copy: string;

beforeEach(() => {
  copy = temporaryFolder();
  cpSync(join(repository, 'Dockerfile'), join(copy, 'Dockerfile'));
  cpSync(join(repository, 'config'), join(copy, 'config'), { recursive: true });
});

/** Changes a file of the copy. */
function change(path: string, from: string, to: string): void {
  const text = readText(path);
  expect(text).toContain(from);
  writeFileSync(join(copy, path), text.replace(from, to));
}

describe('scripts/check-deployment.sh', () => {
  test('finds no problem in this checkout', () => {
    expect(here).toEqual({ code: 0, output: expect.not.stringContaining('FAILED') });
  });

  withTool('hadolint', 'refuses a Dockerfile that hadolint refuses', async () => {
    change(
      'Dockerfile',
      'ENTRYPOINT ["node", "--max-semi-space-size=4", "--disable-warning=ExperimentalWarning", "/app/dist/app/main.js"]',
      'ENTRYPOINT node main.js',
    );
    expect(await check(copy, ['hadolint'])).toEqual({ code: 1, output: expect.stringMatching(/DL3025.*FAILED hadolint/s) });
  });

  withTool('kubernetes-validate', 'refuses a manifest with a field that Kubernetes does not know', async () => {
    change('config/kubernetes/mirrorboard.yaml', 'terminationGracePeriodSeconds:', 'terminationGracePeriod:');
    expect(await check(copy, ['kubernetes-validate'])).toEqual({
      code: 1,
      output: expect.stringMatching(/terminationGracePeriod.*FAILED kubernetes-validate/s),
    });
  });

  withTool('kubernetes-validate', 'refuses a manifest with a value of the wrong type', async () => {
    change('config/kubernetes/backfill.yaml', 'completions: 1', 'completions: one');
    expect(await check(copy, ['kubernetes-validate'])).toEqual({ code: 1, output: expect.stringContaining('FAILED kubernetes-validate') });
  });

  withTool('helm', 'refuses a template that helm cannot read', async () => {
    change('config/helm/mirrorboard/templates/service.yaml', '{{- end }}', '');
    expect(await check(copy, ['helm'])).toEqual({ code: 1, output: expect.stringMatching(/unexpected EOF.*FAILED helm/s) });
  });

  withTool('helm', 'refuses a chart that makes a field that Kubernetes does not know', async () => {
    change('config/helm/mirrorboard/templates/deployment.yaml', 'revisionHistoryLimit:', 'revisionHistory:');
    const message = /revisionHistory.*FAILED kubernetes-validate: config\/helm/s;
    expect(await check(copy, ['helm'])).toEqual({ code: 1, output: expect.stringMatching(message) });
  });

  withTool('compose', 'refuses a compose file with a key that compose does not know', async () => {
    change('config/compose.yaml', 'stop_grace_period:', 'grace_period:');
    expect(await check(copy, ['compose'])).toEqual({ code: 1, output: expect.stringMatching(/grace_period.*FAILED compose/s) });
  });

  test('skips missing tools, and reports why', async () => {
    expect(await check(copy, [], { ...withoutTools(), MIRRORBOARD_REQUIRE_TOOLS: '' })).toEqual({
      code: 0,
      output: expect.stringMatching(
        /^skipped hadolint: \S.*\nskipped kubernetes-validate: \S.*\nskipped helm: \S.*\nskipped compose: \S.*\n$/,
      ),
    });
  });

  test('fails if the tools are required and missing', async () => {
    expect(await check(copy, [], { ...withoutTools(), MIRRORBOARD_REQUIRE_TOOLS: '1' })).toEqual({
      code: 1,
      output: expect.stringMatching(/^FAILED hadolint: .*\nFAILED kubernetes-validate: .*\nFAILED helm: .*\nFAILED compose: .*\n$/),
    });
  });

  test('skips nothing in CI', () => {
    expect(readText('.ci/run')).toMatch(/^export MIRRORBOARD_REQUIRE_TOOLS=1$/m);
  });

  test('refuses a directory without a Dockerfile', async () => {
    expect((await check(tmpdir())).code).toBe(2);
  });
});

/** An empty cache, and a pip and a Go that are allowed no registry. */
function withoutTools(): NodeJS.ProcessEnv {
  const go = { GOPROXY: 'off', GOFLAGS: '-modcacherw', GOMODCACHE: join(copy, 'go') };
  return { MIRRORBOARD_CACHE: join(copy, 'cache'), PIP_NO_INDEX: '1', PIP_FIND_LINKS: '', ...go };
}
