// Aim: one server, its official client that writes into it, and its own converter of event files.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AIM_REQUIREMENTS, type AimServer, startAim } from '../../support/aim-server.ts';
import { lastLine, measure } from '../measure.ts';
import type { Scratch } from '../scratch.ts';
import { type Reference, tryReference } from './reference.ts';
import { pythonWith, versionIn } from './venv.ts';

export interface Aim {
  readonly url: string;
  /** Seconds that the official client takes for `points` scalars over the network, without its start. */
  readonly track: (points: number) => Promise<number>;
}

/** Seconds of `aim convert tensorboard` into a new local repository, with its start. */
export type AimConvert = (logDir: string, points: number) => Promise<number>;

// All are written when `close` has come back: the client sends them from a queue.
const TRACK = `
import sys, time
from aim import Run
url, points = sys.argv[1], int(sys.argv[2])
run = Run(repo=url, system_tracking_interval=None, log_system_params=False, capture_terminal_logs=False)
began = time.perf_counter()
for step in range(points // 20):
    for tag in range(20):
        run.track(step / (tag + 1), name=f"series/{tag:03d}", step=step)
run.close()
print(points, time.perf_counter() - began)
`;

const COUNT = `
import sys
from aim import Repo
repo = Repo(sys.argv[1])
print(sum(len(repo.request_tree('seqs', h, read_only=True).subtree(('seqs', 'v2', 'chunks', h, c, n, 'val')).items_eager())
  for h in repo.list_all_runs()
  for c in repo.request_tree('meta', h, read_only=True).subtree(('meta', 'chunks', h)).collect('traces')
  for n in repo.request_tree('meta', h, read_only=True).subtree(('meta', 'chunks', h)).collect('traces')[c]))
`;

/** TensorFlow reads the files for the converter. */
const TENSORFLOW = ['tensorflow-cpu==2.21.0', 'tensorboard==2.21.0'];

/** Starts a server of the version that the backend is tested with; installs it where it is not there. */
export async function prepareAim(): Promise<Reference<Aim>> {
  return tryReference('Aim', async () => {
    const server = await startAim();
    const use: Aim = { url: server.url.replace('http:', 'aim:'), track: (points) => track(server, points) };
    return { use, version: await versionIn(server.python, 'aim'), stop: server.stop };
  });
}

/** Installs Aim with the TensorFlow that reads the files for its converter. */
export async function prepareAimConvert(scratch: Scratch): Promise<Reference<AimConvert>> {
  return tryReference('aim convert', async () => {
    const python = await pythonWith(scratch, 'aim-convert', CONVERTER);
    return { use: converter(python), version: await versionIn(python, 'tensorflow-cpu') };
  });
}

const CONVERTER = ['--only-binary=:all:', '--no-binary=aim-ui', '-r', AIM_REQUIREMENTS, ...TENSORFLOW];

async function track({ python, url }: AimServer, points: number): Promise<number> {
  const { exitCode, stdout, stderr } = await measure(python, ['-c', TRACK, url.replace('http:', 'aim:'), String(points)], {
    env: cleanEnv(),
  });
  const [, count, seconds] = /^(\d+) ([\d.e-]+)$/m.exec(stdout) ?? [];
  if (exitCode !== 0 || Number(count) !== points) throw new Error(`Aim's client: ${lastLine(stderr)}`);
  return Number(seconds);
}

function converter(python: string): AimConvert {
  return async (logDir, points) => {
    const repo = mkdtempSync(join(tmpdir(), 'mirrorboard-aim-'));
    try {
      const aim = join(python, '..', 'aim');
      const made = await measure(aim, ['init', '--repo', repo], { env: cleanEnv() });
      if (made.exitCode !== 0) throw new Error(`aim init: ${lastLine(made.stderr)}`);
      const began = performance.now();
      const { exitCode, stderr } = await measure(aim, ['convert', '--repo', repo, 'tensorboard', '--logdir', logDir], { env: cleanEnv() });
      const seconds = (performance.now() - began) / 1000;
      if (exitCode !== 0) throw new Error(`aim convert: ${lastLine(stderr)}`);
      // It exits with 0 whatever it did.
      const counted = await measure(python, ['-c', COUNT, repo], { env: cleanEnv() });
      if (Number(lastLine(counted.stdout)) !== points) throw new Error(`aim convert made ${lastLine(counted.stdout)} points of ${points}`);
      return seconds;
    } finally {
      rmSync(repo, { recursive: true, force: true });
    }
  };
}

function cleanEnv(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('AIM_'));
  return { ...Object.fromEntries(own), AIM_UI_TELEMETRY_ENABLED: '0', DO_NOT_TRACK: 'true' };
}
