/**
 * A server that we start, for stores without a server. It lives as long as the process that started it, and
 * ends with it whatever happens.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join, resolve } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { MirrorError } from '../errors.ts';
import { HttpClient } from './http-client.ts';
import { redact } from './redact.ts';

const START_MS = 180_000;
const STOP_MS = 10_000;
const LOG_LENGTH = 4000;
/** Another program may take the port between our check and the server's start. */
/** Between two looks whether it answers. */
const LOOK_MS = 300;
const TRIES = 3;

/**
 * Runs the server in a process group of its own. Its leader waits for the end of a pipe that only we hold open: it
 * comes when we close it and when we die in whatever way, and then the whole group is ended. It goes itself when the
 * server has gone.
 */
const KEEPER = `
exec 3<&0 </dev/null
trap : TERM
"$@" 3<&- &
server=$!
exec >/dev/null 2>&1
(trap '' TERM; cat <&3; kill -s TERM -- -$$; sleep 8; kill -s KILL -- -$$) &
while kill -s 0 $server; do wait $server; done
kill -s KILL -- -$$
`;

/** What is started, and how it is spoken of. */
interface ManagedCommand {
  /** The time and its timers. Default: the system's. */
  readonly clock?: Clock | undefined;
  /** The program, found already. */
  readonly program: string;
  /** Its arguments, once the port is known. */
  readonly args: (port: number) => readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** What answers 200 when it is ready. */
  readonly healthPath: string;
  /** For messages: `the tracking server for sqlite:///mlflow.db`. */
  readonly name: string;
  /** What to try by hand where it fails. */
  readonly hint: string;
  /** Texts that must not be in any error. */
  readonly secrets?: readonly string[];
  /**
   * What only a person can change, by the server's last words, and how: then it is not tried again on its own, and not
   * waited for.
   */
  readonly remedyOf?: (log: string) => ServerRemedy | undefined;
}

/** What can be done when a server that we start says why it does not start. */
export interface ServerRemedy {
  readonly hint: string;
  readonly command?: string;
  /** The server keeps trying for minutes, so there is no need to wait for its end. */
  readonly isCertain?: boolean;
}

/** A tracker's server that we start on a free port of the loopback address and stop with us. */
export class ManagedServer {
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #exited: Promise<number | null>;
  #log = '';
  #isOver = false;

  private constructor(child: ChildProcess, address: string, clock: Clock) {
    this.#child = child;
    this.#clock = clock;
    this.address = address;
    const keep = (chunk: Buffer): void => {
      this.#log = (this.#log + chunk.toString('utf8')).slice(-LOG_LENGTH);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.stdin?.on('error', () => undefined); // it ended before we said so
    this.#exited = new Promise((settle) => {
      const over = (code: number | null): void => {
        this.#isOver = true;
        settle(code);
      };
      child.once('exit', over);
      child.once('error', () => over(null));
    });
  }

  /** Whether it still runs. */
  get isRunning(): boolean {
    return !this.#isOver;
  }

  /** Starts a server and waits until it answers. Throws MB4008. */
  static async start(command: ManagedCommand, signal: AbortSignal): Promise<ManagedServer> {
    for (let left = TRIES; ; left--) {
      const server = await ManagedServer.#launch(command);
      try {
        await server.#untilHealthy(command, signal);
        return server;
      } catch (error) {
        await server.close();
        if (left <= 1 || signal.aborted || !/address already in use|Errno 98|Errno 48/i.test(server.#log)) throw error;
      }
    }
  }

  static async #launch({ program, args, env, clock = systemClock }: ManagedCommand): Promise<ManagedServer> {
    const port = await freePort();
    const child = spawn('/bin/sh', ['-c', KEEPER, 'mirrorboard-server', program, ...args(port)], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env,
    });
    return new ManagedServer(child, `http://127.0.0.1:${port}`, clock);
  }

  async #untilHealthy(command: ManagedCommand, signal: AbortSignal): Promise<void> {
    const http = new HttpClient({ baseUrl: this.address, connectTimeoutMs: 2000, timeoutMs: 5000 });
    try {
      const deadline = this.#clock.steadyMs() + START_MS;
      while (this.#clock.steadyMs() < deadline) {
        signal.throwIfAborted();
        if (this.#isOver) throw this.#failure(command, 'ended before it answered');
        const answer = await http.send({ method: 'GET', path: command.healthPath, signal });
        // An answer while ours is gone comes from another server.
        if (answer.kind === 'ok' && !this.#isOver) return;
        if (command.remedyOf?.(this.#log)?.isCertain === true) throw this.#failure(command, 'cannot do its work');
        await this.#clock.sleep(LOOK_MS, signal);
      }
      throw this.#failure(command, `did not answer within ${START_MS / 1000} s`);
    } finally {
      await http.close();
    }
  }

  #failure({ name, hint, secrets = [], remedyOf }: ManagedCommand, what: string): MirrorError {
    const log = redact(this.#log, secrets);
    const lines = log
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-3)
      .join(' | ')
      .slice(-600);
    const { isCertain: _, ...remedy } = remedyOf?.(log) ?? { hint, retry: 'later' as const };
    return new MirrorError('MB4008', `${name} ${what}${lines === '' ? '' : `: ${lines}`}`, remedy);
  }

  /** Ends the server and all it started, and waits for it. */
  async close(): Promise<void> {
    this.#child.stdin?.end();
    if (this.#isOver) return;
    const stopTimer = this.#clock.after(STOP_MS, () => this.#kill('SIGKILL'));
    await this.#exited;
    stopTimer();
  }

  #kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It is gone already.
    }
  }
}

/** A program by its name in PATH or by its path; undefined if there is none that can be started. */
export function findProgram(command: string, path: string): string | undefined {
  const candidates = command.includes('/')
    ? [resolve(command)]
    : path.split(delimiter).map((folder) => join(folder === '' ? '.' : folder, command));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return statSync(candidate).isFile();
    } catch {
      return false;
    }
  });
}

function freePort(): Promise<number> {
  return new Promise((settle, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => settle(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
