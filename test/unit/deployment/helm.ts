// Runs helm on the chart in config/helm/mirrorboard.
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { repository } from './files.ts';

export const CHART = join(repository, 'config/helm/mirrorboard');
export const examples = readdirSync(join(CHART, 'examples')).sort();

/** What a command printed, and how it ended. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, timeout: 1_800_000, maxBuffer: 64 * 1024 * 1024 };
    execFile(program, [...args], options, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr });
    });
  });
}

// The script may build helm first, which takes minutes.
const found = await run('sh', [join(repository, 'scripts/helm.sh')]);
const path = found.code === 0 ? found.stdout.trim() : undefined;

/** Why there is no helm; undefined if there is one. */
export const withoutHelm = path === undefined ? found.stderr.trim().split('\n').at(-1) : undefined;

/** Runs helm. */
export function helm(...args: readonly string[]): Promise<Ran> {
  return run(path ?? 'helm', args);
}

/** What the chart makes of an example and of further options. */
export function render(example: string, ...options: readonly string[]): Promise<Ran> {
  return helm('template', 'mirrorboard', CHART, '--kube-version', '1.28.0', '-f', join(CHART, 'examples', example), ...options);
}

/**
 * A test that needs helm. If there is none, it is skipped with the reason; with MIRRORBOARD_REQUIRE_TOOLS=1 it fails.
 */
export function withHelm(name: string, body: () => Promise<void>): void {
  if (withoutHelm === undefined) test(name, body, 120_000);
  else if (process.env['MIRRORBOARD_REQUIRE_TOOLS'] === '1') test(name, () => expect(withoutHelm).toBeUndefined());
  else test.skip(`${name} (${withoutHelm})`, body);
}
