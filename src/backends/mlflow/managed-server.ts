/** A tracking server of our own, for stores that no server stands before: a database, a folder. It lives as long as the backend. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MirrorError, messageOf } from '../../errors.ts';
import { HttpClient, redact } from '../../http/index.ts';
import { addressOf, isFileStore } from './address.ts';
import type { MlflowSettings } from './settings.ts';

const START_MS = 180_000;
const STOP_MS = 10_000;
const LOG_LENGTH = 4000;
/** Another program may take the port between our look at it and the server's start. */
const TRIES = 3;

/**
 * Runs the server in a process group of its own. Its leader waits for the end of a pipe that only we hold open: it comes when we
 * close it and when we die in whatever way, and then the whole group is ended. It goes itself when the server has gone.
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

type StoreSettings = Pick<MlflowSettings, 'uri' | 'storeUri' | 'command' | 'artifactsDestination'>;

export class ManagedServer {
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  #log = '';
  #isOver = false;

  private constructor(child: ChildProcess, address: string) {
    this.#child = child;
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
  static async start(settings: StoreSettings, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<ManagedServer> {
    const program = findProgram(settings.command, env['PATH'] ?? '');
    if (program === undefined) {
      throw new MirrorError('MB4008', `${settings.uri} needs a tracking server of its own, and there is no program ${settings.command}`, {
        hint: 'Install it, name it (mlflow_command), or give the address of a server that runs.',
        command: 'pip install mlflow',
        context: { program: settings.command },
      });
    }
    for (let left = TRIES; ; left--) {
      const server = await ManagedServer.#launch(program, settings, env);
      try {
        await server.#untilHealthy(settings, signal);
        return server;
      } catch (error) {
        await server.close();
        if (left <= 1 || signal.aborted || !/address already in use|Errno 98|Errno 48/i.test(server.#log)) throw error;
      }
    }
  }

  static async #launch(program: string, settings: StoreSettings, env: NodeJS.ProcessEnv): Promise<ManagedServer> {
    const port = await freePort();
    const destination = settings.artifactsDestination ?? join(storeFolder(settings.storeUri), 'mlartifacts');
    const serve = ['server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1'];
    const stores = ['--artifacts-destination', destination];
    const own: Record<string, string> = {
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
      MLFLOW_DISABLE_TELEMETRY: 'true',
      // Not as an argument: those of a process are shown to everybody, and a database's password is in it.
      MLFLOW_BACKEND_STORE_URI: settings.storeUri,
    };
    if (isFileStore(settings.storeUri)) own['MLFLOW_ALLOW_FILE_STORE'] = 'true';
    // What points official tools to a server would make this one ask itself.
    const { MLFLOW_TRACKING_URI: _tracking, ...inherited } = env;
    const child = spawn('/bin/sh', ['-c', KEEPER, 'mirrorboard-mlflow', program, ...serve, ...stores], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...inherited, ...own },
    });
    return new ManagedServer(child, `http://127.0.0.1:${port}`);
  }

  async #untilHealthy(settings: StoreSettings, signal: AbortSignal): Promise<void> {
    const http = new HttpClient({ baseUrl: this.address, connectTimeoutMs: 2000, timeoutMs: 5000 });
    try {
      const deadline = performance.now() + START_MS;
      while (performance.now() < deadline) {
        signal.throwIfAborted();
        if (this.#isOver) throw this.#failure(settings, 'ended before it answered');
        const answer = await http.send({ method: 'GET', path: '/health', signal });
        // Whoever answers while ours is gone is somebody else.
        if (answer.kind === 'ok' && !this.#isOver) return;
        // It goes on trying for minutes.
        if (NO_ACCESS.test(this.#log)) throw this.#failure(settings, 'is not let into the database');
        await sleep(300, undefined, { signal });
      }
      throw this.#failure(settings, `did not answer within ${START_MS / 1000} s`);
    } finally {
      await http.close();
    }
  }

  #failure(settings: StoreSettings, what: string): MirrorError {
    const { storeUri, uri, command } = settings;
    const address = addressOf(storeUri);
    const log = redact(this.#log, address.kind === 'store' && address.password !== undefined ? [address.password] : []);
    const said = log
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-3)
      .join(' | ')
      .slice(-600);
    const remedy = remedyOf(log, uri);
    return new MirrorError('MB4008', `the tracking server for ${uri} ${what}${said === '' ? '' : `: ${said}`}`, {
      ...(remedy ?? { hint: `Try it by hand: ${command} server --backend-store-uri ${uri}`, retry: 'later' }),
    });
  }

  /** Ends the server and all it started, and waits for it. */
  async close(): Promise<void> {
    this.#child.stdin?.end();
    if (this.#isOver) return;
    const late = setTimeout(() => this.#kill('SIGKILL'), STOP_MS);
    await this.#exited;
    clearTimeout(late);
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

/** What only somebody can change, by the server's last words, and how. Undefined where it may pass by itself. */
function remedyOf(log: string, uri: string): { readonly hint: string; readonly command?: string } | undefined {
  const missing = /ModuleNotFoundError: No module named '([\w-]+)/.exec(log)?.[1];
  if (missing !== undefined) {
    const name = PACKAGES[missing] ?? missing;
    return {
      hint: `The server's Python lacks a package: pip install ${name} there, or name another driver in the address (postgresql+psycopg2://…).`,
      command: `pip install ${name}`,
    };
  }
  if (log.includes('out-of-date database schema')) {
    return { hint: `Another version of MLflow made this database: back it up, then bring it up to date with mlflow db upgrade ${uri}.` };
  }
  if (NO_ACCESS.test(log)) {
    return { hint: 'Correct user and password in the address (tracking_uri).' };
  }
  if (/NoSuchModuleError|Could not parse SQLAlchemy URL/.test(log)) {
    return { hint: 'Correct the address (tracking_uri): there is no such kind of database.' };
  }
  return undefined;
}

/** What PostgreSQL, MySQL and SQL Server say to a wrong password. */
const NO_ACCESS = /password authentication failed|Access denied for user|Login failed for user/;

/** What modules are called where they are installed from, if not the same. */
const PACKAGES: Readonly<Record<string, string>> = {
  psycopg: 'psycopg[binary]',
  psycopg2: 'psycopg2-binary',
  MySQLdb: 'mysqlclient',
};

/** A program by its name in PATH or by its path; undefined where there is none that can be started. */
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

/** The folder beside which artifacts lie: that of a SQLite file or of a file store, else the working directory. */
function storeFolder(uri: string): string {
  const sqlite = /^sqlite(?:\+\w+)?:\/\/\/(.+)$/i.exec(uri)?.[1];
  if (sqlite !== undefined) return dirname(resolve(sqlite));
  if (!isFileStore(uri)) return process.cwd();
  try {
    return dirname(uri.startsWith('file:') ? fileURLToPath(uri) : resolve(uri));
  } catch (cause) {
    throw new MirrorError('MB4004', `${uri} is not the address of a folder: ${messageOf(cause)}`, {
      hint: 'Write file:///PATH, or the path alone.',
      cause,
    });
  }
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
