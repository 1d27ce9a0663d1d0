// A watch whose configuration changes while it is at work.
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, freePort, until } from '../crash/watch-kill.ts';
import * as w from '../support/event-writer.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { NotifySocket, whyNoNotifySocket } from '../support/notify-socket.ts';
import { endAll, freshDirectory, type Running, remove, start } from './command.ts';

const ONE = 'events.out.tfevents.1';

let folder: string;
let port: number;
let stubs: MlflowStub[];

beforeEach(async () => {
  folder = freshDirectory();
  port = await freePort();
  stubs = [await MlflowStub.start(), await MlflowStub.start()];
});

afterEach(async () => {
  await endAll();
  for (const stub of stubs) await stub.close();
  remove(folder);
});

/** A run that grows, a step at a time. */
class Writer {
  readonly path: string;
  steps = 0;

  constructor(root: string) {
    this.path = join(folder, root, 'run', ONE);
    mkdirSync(join(folder, root, 'run'), { recursive: true });
    writeFileSync(this.path, w.eventFile());
  }

  step(): void {
    const step = this.steps++;
    appendFileSync(this.path, w.frame(w.event({ wallTime: 1000 + step, step, summary: [w.simpleValue('loss', step)] })));
  }
}

/** Writes the configuration in place of the one before, as editors do. */
function configure(text: string): void {
  writeFileSync(join(folder, 'new.yaml'), text);
  renameSync(join(folder, 'new.yaml'), join(folder, 'mirrorboard.yaml'));
}

const watch = (...args: readonly string[]): Running => start(['watch', '--listen', String(port), ...args], { cwd: folder });
const lanes = (...names: readonly ('local' | 'first' | 'second')[]): string =>
  `lanes: { ${names.map((name) => (name === 'local' ? 'local: {}' : `${name}: { type: mlflow, tracking_uri: "${stubs[name === 'first' ? 0 : 1]?.url}" }`)).join(', ')} }\n`;

interface Status {
  readonly config: {
    readonly error: { readonly code: string } | null;
    readonly needs_restart: readonly string[];
    readonly loaded_at: string;
  };
  readonly lanes: readonly { readonly name: string; readonly points: number }[];
  readonly roots: readonly { readonly name: string }[];
}

async function status(): Promise<Status> {
  return (await (await fetch(`http://127.0.0.1:${port}/status`)).json()) as Status;
}

/** Steps in a tracker, each as often as it is there. */
function mirrored(stub: MlflowStub | undefined): number[] {
  return (stub?.runs() ?? [])
    .flatMap((run) => stub?.points(run) ?? [])
    .map(({ step }) => Number(step))
    .sort((a, b) => a - b);
}

function stored(root: string): number {
  const db = new DatabaseSync(join(folder, 'mirrorboard.db'), { readOnly: true });
  try {
    return Number(db.prepare('SELECT coalesce(sum(points), 0) AS n FROM runs WHERE root = ?').get(root)?.['n']);
  } finally {
    db.close();
  }
}

const counted = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('a configuration that changes', () => {
  it('takes effect without a lost or doubled point, while runs grow', async () => {
    const [one, two] = [new Writer('one'), new Writer('two')];
    const timer = setInterval(() => {
      one.step();
      two.step();
    }, 5);
    const has = (names: readonly string[], roots: readonly string[]): Promise<void> =>
      eventually(async () => {
        const now = await status();
        expect([now.lanes.map(({ name }) => name), now.roots.map(({ name }) => name).sort()]).toEqual([names, roots]);
      });
    try {
      configure(`roots: [one]\n${lanes('local', 'first')}`);
      const watching = watch();
      await watching.said(/root scanned/);
      await until(() => mirrored(stubs[0]).length > 20);
      // A root and a lane more.
      configure(`roots: [one, two]\nscan_interval: 1s\n${lanes('local', 'first', 'second')}`);
      await has(['local', 'first', 'second'], ['one', 'two']);
      await until(() => mirrored(stubs[1]).length > 20);
      // The same once more, at once.
      watching.child.kill('SIGHUP');
      await watching.said(/"reason":"SIGHUP"/);
      // A lane less, and then again.
      configure(`roots: [one, two]\ntags: [new]\n${lanes('local', 'second')}`);
      await has(['local', 'second'], ['one', 'two']);
      configure(`roots: [one, two]\n${lanes('local', 'first', 'second')}`);
      await has(['local', 'first', 'second'], ['one', 'two']);
      clearInterval(timer);
      await eventually(() => {
        expect([stored('one'), stored('two')]).toEqual([one.steps, two.steps]);
        const both = [...counted(one.steps), ...counted(two.steps)].sort((a, b) => a - b);
        for (const stub of stubs) expect(mirrored(stub)).toEqual(both);
      });
      const { lanes: counts } = await status();
      expect(counts.find(({ name }) => name === 'local')?.points).toBe(one.steps + two.steps);
      watching.child.kill('SIGTERM');
      expect((await watching.ended).code).toBe(0);
    } finally {
      clearInterval(timer);
    }
  });

  it('is reported if it is invalid, and the former one stays active', async () => {
    const writer = new Writer('one');
    configure(`roots: [one]\n${lanes('local')}`);
    const watching = watch();
    await watching.said(/root scanned/);
    const { config } = await status();
    expect(config.error).toBeNull();
    mkdirSync(join(folder, 'elsewhere', 'logs'), { recursive: true });
    const other = start(['watch', 'logs', '--store', join(folder, 'taken.db')], { cwd: join(folder, 'elsewhere') });
    await other.said(/root scanned/);
    for (const [text, code] of [
      ['roots: [one]\nrotues: []\n', 'MB1002'],
      ['roots: []\n', 'MB1001'],
      ['', 'MB1003'],
      [`roots: [one, one]\n${lanes('local')}`, 'MB2005'],
      ['roots: [one]\nlanes: { local: {}, t: { type: ./no-such-tracker.js } }\n', 'MB4009'],
      // Only with the store of the other one it shows that it is taken.
      ['roots: [one]\nlanes: { local: { path: taken.db } }\n', 'MB3004'],
    ] as const) {
      configure(text);
      await eventually(async () => expect((await status()).config.error?.code).toBe(code));
      writer.step();
      await eventually(() => expect(stored('one')).toBe(writer.steps));
    }
    expect((await status()).config.loaded_at).toBe(config.loaded_at);
    configure(`roots: [one]\nlog: { format: pretty }\n${lanes('local')}`);
    await eventually(async () => expect((await status()).config).toMatchObject({ error: null, needs_restart: ['log.format'] }));
    await watching.said(/"setting":"log.format","msg":"restart to change a setting"/);
    watching.child.kill('SIGTERM');
    expect((await watching.ended).code).toBe(0);
  });

  it('is requested by a hangup before the first one was read, which ends nothing', async () => {
    new Writer('one');
    const pipe = join(folder, 'mirrorboard.yaml');
    execFileSync('mkfifo', [pipe]);
    const watching = watch();
    // Opens as soon as the watch opens it, too.
    const writer = await open(pipe, 'w');
    watching.child.kill('SIGHUP');
    // The watch reads all of it only after the signal.
    await writer.writeFile('roots: [one]\n');
    await writer.close();
    await watching.said(/"code":"MB1002".*configuration not reloaded|configuration not reloaded.*"code":"MB1002"/);
    await watching.said(/root scanned/);
    watching.child.kill('SIGTERM');
    expect((await watching.ended).code).toBe(0);
  });

  it('leaves the former one active, even if its files are missing for a while', async () => {
    const writer = new Writer('one');
    const token = join(folder, 'token');
    writeFileSync(token, 'secret\n');
    mkdirSync(join(folder, 'elsewhere', 'logs'), { recursive: true });
    const other = start(['watch', 'logs', '--store', join(folder, 'taken.db')], { cwd: join(folder, 'elsewhere') });
    await other.said(/root scanned/);
    configure(`roots: [one]\n${lanes('local', 'first')}`);
    const watching = start(['watch'], { cwd: folder, env: { MIRRORBOARD_FIRST_TOKEN_FILE: token } });
    await watching.said(/root scanned/);
    rmSync(token);
    // That the store is taken shows only when the lanes of the one before are closed.
    configure('roots: [one]\nlanes: { local: { path: taken.db } }\n');
    await watching.said(/former configuration not usable now, retrying/);
    writer.step();
    writeFileSync(token, 'secret\n');
    await until(() => mirrored(stubs[0]).length === 1);
    watching.child.kill('SIGTERM');
    expect((await watching.ended).code).toBe(0);
  });

  it('is noticed as a ConfigMap of Kubernetes, and a new log level changes nothing else', async () => {
    new Writer('one');
    const version = (name: string, text: string): void => {
      mkdirSync(join(folder, 'etc', name), { recursive: true });
      writeFileSync(join(folder, 'etc', name, 'mirrorboard.yaml'), text);
      symlinkSync(name, join(folder, 'etc', '..data_tmp'));
      renameSync(join(folder, 'etc', '..data_tmp'), join(folder, 'etc', '..data'));
    };
    version('..1', 'roots: [one]\n');
    symlinkSync('..data/mirrorboard.yaml', join(folder, 'etc', 'mirrorboard.yaml'));
    const watching = watch('--config', 'etc/mirrorboard.yaml');
    await watching.said(/root scanned/);
    for (const level of ['debug', 'info']) {
      watching.child.kill('SIGUSR2');
      await watching.said(new RegExp(`"logLevel":"${level}","msg":"log level changed"`));
    }
    version('..2', 'roots: [one]\nlog: { level: debug }\n');
    await watching.said(/"changed":\["log.level"\],"msg":"configuration read"/);
    new Writer('one').step();
    await watching.said(/"level":"debug".*"msg":"batch accepted"/);
    watching.child.kill('SIGTERM');
    expect((await watching.ended).stderr).not.toMatch(/configuration reloaded/);
  });
});

const noSocket = whyNoNotifySocket();
if (noSocket !== undefined) process.stderr.write(`reload.test: what systemd hears is not tested: ${noSocket}\n`);
const itNotifies = noSocket === undefined ? it : it.skip;

describe('a watch that systemd started', () => {
  itNotifies('reports its start, reloads, signs of life and its end', async () => {
    new Writer('one').step();
    configure(`roots: [one]\n${lanes('local')}`);
    using socket = await NotifySocket.listen(folder);
    const watching = start(['watch'], { cwd: folder, env: { ...socket.environment(folder), WATCHDOG_USEC: '300000' } });
    await until(() => socket.lines.includes('WATCHDOG=1'));
    expect(socket.messages[0]).toEqual(['READY=1', expect.stringMatching(/^STATUS=\d roots?, 1 lane: /)]);
    const without = (): string[] => socket.lines.filter((line) => line !== 'WATCHDOG=1').map((line) => line.replace(/\d{3,}/, 'N'));
    watching.child.kill('SIGHUP');
    const reloaded = ['RELOADING=1', 'MONOTONIC_USEC=N', 'READY=1'];
    await eventually(() => expect(without()).toEqual(['READY=1', ...reloaded]));
    configure('roots: 5\n');
    await eventually(() => expect(without()).toEqual(['READY=1', ...reloaded, ...reloaded]));
    watching.child.kill('SIGTERM');
    expect((await watching.ended).code).toBe(0);
    await eventually(() => expect(without().at(-1)).toBe('STOPPING=1'));
  });
});
