import { execFile } from 'node:child_process';
import { messageOf } from '../errors.ts';

/** The facts that a service reports to systemd. */
export interface ServiceFacts {
  /** Returns a line for people. */
  readonly line: () => string;
  /** Returns why a restart would help; undefined while the service is alive. */
  readonly whyNotAlive: () => string | undefined;
}

/** The time between two reports of the line, if it changed. */
const LINE_MS = 10_000;
/** The number of signs of life within the time of the watchdog. */
const PINGS = 3;

/**
 * Reports the state of the service to systemd (the protocol of `sd_notify`,
 * https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html). Node cannot open a Unix datagram socket
 * without native code, so `systemd-notify` sends the messages. It is part of systemd, so it exists wherever systemd
 * runs.
 */
export class ServiceManager {
  readonly #env: NodeJS.ProcessEnv;
  readonly #failed: (reason: string) => void;
  readonly #timers: NodeJS.Timeout[] = [];
  /** The message in progress: messages follow each other. */
  #sending: Promise<void> = Promise.resolve();
  #line = '';
  #hasFailed = false;

  private constructor(env: NodeJS.ProcessEnv, failed: (reason: string) => void) {
    this.#env = env;
    this.#failed = failed;
  }

  /**
   * Returns a manager; undefined without `NOTIFY_SOCKET`. `failed` is called once, if a message could not be sent.
   */
  static of(env: NodeJS.ProcessEnv, failed: (reason: string) => void): ServiceManager | undefined {
    return env['NOTIFY_SOCKET'] ? new ServiceManager(env, failed) : undefined;
  }

  /** Reports that the service has begun its work. */
  started({ line, whyNotAlive }: ServiceFacts): void {
    const watchdogMs = watchdogMsOf(this.#env);
    const every = (ms: number, work: () => void): void => {
      this.#timers.push(setInterval(work, ms).unref());
    };
    if (watchdogMs !== undefined) {
      every(watchdogMs / PINGS, () => {
        // Only a problem that a restart would help stops the signs of life.
        if (whyNotAlive() === undefined) this.#send('WATCHDOG=1');
      });
    }
    every(LINE_MS, () => {
      if (line() !== this.#line) this.#send(this.#lineOf(line));
    });
    this.#send('READY=1', this.#lineOf(line));
  }

  /** Reports that the service reads the configuration again. */
  reloading(): void {
    // Linux counts both from the start of the machine.
    this.#send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  /** Reports that the configuration was read, and is in use or was refused. */
  reloaded(): void {
    this.#send('READY=1');
  }

  /** Reports that the service was asked to end. */
  stopping(): void {
    this.#stopTimers();
    this.#send('STOPPING=1');
  }

  async close(): Promise<void> {
    this.#stopTimers();
    await this.#sending;
  }

  #stopTimers(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }

  #lineOf(line: () => string): string {
    this.#line = line();
    return `STATUS=${this.#line.replaceAll('\n', ' ')}`;
  }

  #send(...message: readonly string[]): void {
    this.#sending = this.#sending.then(() => this.#sendNow(message));
  }

  #sendNow(message: readonly string[]): Promise<void> {
    const { NOTIFY_SOCKET, PATH } = this.#env;
    return new Promise((resolve) => {
      execFile('systemd-notify', [...message], { env: { NOTIFY_SOCKET, PATH }, timeout: LINE_MS }, (error, _, stderr) => {
        if (error !== null && !this.#hasFailed) {
          this.#hasFailed = true;
          this.#failed(stderr.trim() || messageOf(error));
        }
        resolve();
      });
    });
  }
}

/**
 * Returns the time within which systemd expects a notification; undefined if it expects none, or expects it from
 * another process.
 */
function watchdogMsOf({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | undefined {
  const ms = Number(WATCHDOG_USEC) / 1000;
  const isOurs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid);
  return isOurs && ms > 0 && Number.isFinite(ms) ? ms : undefined;
}
