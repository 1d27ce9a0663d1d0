/**
 * A server that mirrorboard starts, for stores without a server. It ends with the process that started it, in every
 * case.
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
/** Time between two checks whether the server answers. */
const LOOK_MS = 300;
/** Attempts to start: another program may take the port between the check and the server's start. */
const TRIES = 3;

/**
 * Runs the server in its own process group. Its leader waits for the end of a pipe that only mirrorboard holds open:
 * the pipe ends when mirrorboard closes it or dies in any way. Then the leader ends the whole group. It also ends
 * itself after the server has exited.
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

/** The command to start, and its description. */
interface ManagedCommand {
  /** The clock. Default: the system's. */
  readonly clock?: Clock | undefined;
  /** The path of the program. */
  readonly program: string;
  /** Returns its arguments for a port. */
  readonly args: (port: number) => readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The path that answers 200 when the server is ready. */
  readonly healthPath: string;
  /** The name in messages: `the tracking server for sqlite:///mlflow.db`. */
  readonly name: string;
  /** The advice to try by hand if the start fails. */
  readonly hint: string;
  /** Texts that must not appear in any error. */
  readonly secrets?: readonly string[];
  /**
   * Returns the remedy that only a person can apply, from the end of the server's log. With a remedy, the start is
   * not retried automatically, and nothing waits for it.
   */
  readonly remedyOf?: (log: string) => ServerRemedy | undefined;
}

/** The remedy if a server's log says why it does not start. */
export interface ServerRemedy {
  readonly hint: string;
  readonly command?: string;
  /** True if the server keeps trying for minutes, so that there is no need to wait for its end. */
  readonly isCertain?: boolean;
}

/** A tracker's server that mirrorboard starts on a free port of the loopback address, and stops at its own end. */
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
    child.stdin?.on('error', () => undefined); // the server may have ended on its own
    this.#exited = new Promise((settle) => {
      const over = (code: number | null): void => {
        this.#isOver = true;
        settle(code);
      };
      child.once('exit', over);
      child.once('error', () => over(null));
    });
  }

  /** True if it still runs. */
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
        // If this server has exited, the answer comes from another one.
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

  /** Ends the server and all its child processes, and waits for it. */
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
      // It is already gone.
    }
  }
}

/**
 * Returns the path of a program, by its name in PATH or by its path; undefined if there is none that can be started.
 */
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
