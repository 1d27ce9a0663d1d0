/**
 * An Aim server that mirrorboard starts for a repository's folder: only this server writes there, and mirrorboard
 * talks to it.
 */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BackendContext } from '../../contract/index.ts';
import { MirrorError, messageOf } from '../../errors.ts';
import { findProgram, ManagedServer } from '../../http/index.ts';
import type { AimSettings } from './settings.ts';

const INIT_MS = 120_000;

/**
 * Starts a server for a repository, which it creates if there is none, and waits until the server answers. Throws
 * MB4008.
 */
export async function startServer(
  repo: string,
  { command }: Pick<AimSettings, 'command'>,
  { env, clock }: Pick<BackendContext, 'env' | 'clock'>,
  signal: AbortSignal,
): Promise<ManagedServer> {
  const program = findProgram(command, env['PATH'] ?? '');
  if (program === undefined) {
    throw new MirrorError('MB4008', `the Aim repository ${repo} needs its own server, but there is no program ${command}`, {
      hint: 'Install it, name it (aim_command), or give the address of a server that runs (server: aim://HOST:53800).',
      command: 'pip install aim',
      context: { program: command },
    });
  }
  // Variables that name a repository or another server for Aim's own tools must not affect this server.
  const { AIM_REPO: _repo, __AIM_SERVER_MOUNT_REPO_PATH__: _mounted, ...inherited } = env;
  const own = { ...inherited, AIM_UI_TELEMETRY_ENABLED: '0' };
  if (!existsSync(join(repo, '.aim'))) await makeRepository(program, repo, own, signal);
  return ManagedServer.start(
    {
      clock,
      program,
      // Never with --yes: it would overwrite a repository that it does not understand.
      args: (port) => ['server', '--host', '127.0.0.1', '--port', String(port), '--repo', repo],
      env: own,
      healthPath: '/status/',
      name: `the server for the Aim repository ${repo}`,
      hint: `Run it manually: ${command} server --repo ${repo}`,
    },
    signal,
  );
}

async function makeRepository(program: string, repo: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  const failed = (why: string): MirrorError =>
    new MirrorError('MB4008', `making the Aim repository ${repo} failed: ${why}`, { hint: `Run it manually: aim init --repo ${repo}` });
  try {
    mkdirSync(repo, { recursive: true });
  } catch (cause) {
    throw failed(messageOf(cause));
  }
  await new Promise<void>((settle, fail) => {
    let output = '';
    const child = spawn(program, ['init', '--repo', repo], { env, signal, timeout: INIT_MS, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-600);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (cause) => fail(signal.aborted ? signal.reason : failed(messageOf(cause))));
    child.once('close', (code) => {
      if (code === 0 && existsSync(join(repo, '.aim'))) settle();
      else fail(failed(`exit code ${code}: ${output.trim()}`));
    });
  });
}
