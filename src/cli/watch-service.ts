import type { Server } from 'node:http';
import { resolve } from 'node:path';
import { asWallMs, steadyMs, systemClock } from '../clock.ts';
import { type Config, checkSameShard, reloadConfig } from '../config/index.ts';
import { MirrorError, messageOf } from '../errors.ts';
import type { Metrics } from '../metrics/index.ts';
import { type HealthSource, type LoadedConfig, type Logger, serveHealth, type WatchStatus } from '../status/index.ts';
import type { WatchStores } from '../sync/index.ts';
import { changesBetween } from './config-changes.ts';
import { configFlags } from './context.ts';
import { FileLook } from './file-look.ts';
import type { Interrupt } from './interrupt.ts';
import { Reloads } from './reloads.ts';
import { ServiceManager } from './service-manager.ts';
import { counted, formatBytes, type WatchBlock } from './terminal/index.ts';
import { version } from './version.ts';
import { WatchPage, type WatchPageAccess } from './watch-page.ts';
import { dropSetup, optionsOf, type SetupContext, setUp, type WatchSetup } from './watch-setup.ts';
import type { WatchTensorBoard } from './watch-tensorboard.ts';

/** The time between two attempts to use the former configuration again. */
const AGAIN_MS = 2000;

function wallMs(): number {
  return Math.round(asWallMs(steadyMs()));
}

/** Listens to a signal until the result is disposed. */
function onSignal(signal: NodeJS.Signals, listener: () => void): Disposable {
  process.on(signal, listener);
  return { [Symbol.dispose]: () => void process.off(signal, listener) };
}

/** Returns the level of the log. On a terminal, the block shows the progress, so only warnings are logged. */
export function levelOf({ log, sources }: Config, isTty: boolean): Config['log']['level'] {
  return isTty && sources.get('log.level') === 'default' ? 'warn' : log.level;
}

/** The parts of a watch that the command has made. */
interface WatchServiceOptions {
  readonly config: Config;
  readonly block: WatchBlock;
  readonly isTty: boolean;
  /** Where the page is served; undefined if it is not. */
  readonly access: WatchPageAccess | undefined;
  readonly tensorboard: WatchTensorBoard | undefined;
}

/**
 * A watch in rounds: another configuration starts a new round, after the previous round has stored everything that it
 * read. Store, state, their locks and the HTTP server stay.
 */
export class WatchService {
  readonly #context: SetupContext;
  readonly #log: Logger;
  readonly #block: WatchBlock;
  readonly #isTty: boolean;
  readonly #tensorboard: WatchTensorBoard | undefined;
  readonly #reloads: Reloads<WatchSetup>;
  /** The configuration of the start: settings that need a restart keep its values. */
  readonly #first: Config;
  /** The configuration in use. */
  #config: Config;
  /** The reason that the last configuration read is not in use; undefined if it is. */
  #error: LoadedConfig['error'];
  #status: WatchStatus | undefined;
  #interrupt: Interrupt | undefined;
  readonly #page: WatchPage;
  readonly #manager: ServiceManager | undefined;
  /** True if a signal asked for more log lines than the configuration. */
  #isDebugging = false;

  constructor(context: SetupContext, { config, block, isTty, access, tensorboard }: WatchServiceOptions) {
    this.#page = new WatchPage(access, context.log);
    this.#context = context;
    this.#log = context.log;
    this.#block = block;
    this.#isTty = isTty;
    this.#tensorboard = tensorboard;
    this.#first = config;
    this.#config = config;
    this.#reloads = new Reloads((reason) => this.#prepare(reason), dropSetup);
    this.#manager = ServiceManager.of(context.env, (reason) => context.log.warn({ reason }, 'systemd not told, continuing'));
  }

  /** Reads the configuration again. */
  reload(reason: string): void {
    this.#reloads.ask(reason);
  }

  async run(interrupt: Interrupt): Promise<WatchStatus> {
    this.#interrupt = interrupt;
    interrupt.signal.addEventListener('abort', () => this.#manager?.stopping());
    using _level = onSignal('SIGUSR2', () => this.#switchLevel());
    const sync = await import('../sync/index.ts');
    const places = new sync.WatchStores();
    const { file } = this.#config;
    using _look = file === undefined ? undefined : new FileLook(resolve(file), () => this.#fileChanged());
    let server: Server | undefined;
    let metrics: Metrics | undefined;
    const serve = async (): Promise<void> => {
      const { listen, listenHost } = this.#context.flags;
      if (!listen || this.#status === undefined) return;
      // Without a listener, no client asks for metrics, so the library is not loaded.
      if (server === undefined) {
        const { Metrics } = await import('../metrics/index.ts');
        metrics = new Metrics(this.#status, { version: version(), node: process.version });
        server = await serveHealth(listen, this.#source(), listenHost, metrics);
      } else metrics?.follow(this.#status);
    };
    try {
      let before: Config | undefined;
      let setup = await setUp(this.#config, this.#context);
      for (;;) {
        const round = this.#reloads.signal;
        const former = before;
        let hasBegun = false;
        const onStart = async (started: WatchStatus): Promise<void> => {
          hasBegun = true;
          this.#begun(started, setup);
          await serve();
          started.page = await this.#page.serve(setup, () => this.#config);
          await this.#tensorboard?.start(setup.config);
        };
        try {
          await this.#round(setup, AbortSignal.any([interrupt.signal, round]), places, onStart);
        } catch (error) {
          // Only the start of a round shows that a root is another one, or that another process has the store.
          if (hasBegun || former === undefined) throw error;
          this.#failed(error);
          const again = await this.#setUpAgain(former, interrupt.signal);
          const next = again ?? this.#reloads.take();
          if (next === undefined) break;
          before = again === undefined ? former : undefined;
          setup = next;
          continue;
        }
        if (interrupt.signal.aborted) break;
        const next = this.#reloads.take();
        if (next === undefined) break;
        before = setup.config;
        setup = next;
      }
      if (this.#status === undefined) throw new MirrorError('MB9001', 'the watch ended before it began');
      return this.#status;
    } finally {
      this.#block.stop();
      // A connection that is kept open must not delay the end.
      server?.close();
      server?.closeAllConnections();
      await this.#page.close();
      await this.#tensorboard?.close();
      await this.#reloads.close();
      await places.close();
      await this.#manager?.close();
    }
  }

  /**
   * Prepares another round with the former configuration, whose lanes were closed. Files that they need can be
   * missing for a while, such as one with a secret. Returns undefined if a newer configuration is ready, or the
   * service was asked to end.
   */
  async #setUpAgain(former: Config, end: AbortSignal): Promise<WatchSetup | undefined> {
    const stop = AbortSignal.any([end, this.#reloads.signal]);
    for (;;) {
      try {
        return await setUp(former, this.#context);
      } catch (error) {
        if (stop.aborted) return undefined;
        this.#log.error({ err: error }, 'former configuration not usable now, retrying');
        await systemClock.sleep(AGAIN_MS, stop);
        if (stop.aborted) return undefined;
      }
    }
  }

  async #round(
    setup: WatchSetup,
    signal: AbortSignal,
    places: WatchStores,
    onStart: (status: WatchStatus) => Promise<void>,
  ): Promise<void> {
    const { watchIn } = await import('../sync/index.ts');
    this.#status = await watchIn(places, { ...optionsOf(setup, this.#context), before: this.#status, signal, onStart });
  }

  /** Notes that the round with this configuration has begun its work. */
  #begun(started: WatchStatus, { config, roots }: WatchSetup): void {
    const isFirst = this.#status === undefined;
    this.#status = started;
    if (isFirst) this.#manager?.started({ line: () => this.#line(), whyNotAlive: () => this.#status?.whyNotAlive });
    else this.#manager?.reloaded();
    this.#block.stop();
    this.#block.start(started);
    // Back to the former configuration: it was loaded before.
    if (!isFirst && config === this.#config) this.#noteConfig(started.config?.loadedAtMs);
    else {
      this.#useNow(config);
      if (!isFirst) this.#log.info({ roots: roots.length, lanes: started.lanes.map(({ name }) => name) }, 'configuration reloaded');
    }
  }

  #noteConfig(loadedAtMs = wallMs()): void {
    if (this.#status === undefined) return;
    const { needsRestart } = changesBetween(this.#first, this.#config);
    this.#status.config = { file: this.#config.file, loadedAtMs, error: this.#error, needsRestart };
  }

  /** Uses a configuration: settings that need no new round take effect now. */
  #useNow(config: Config): void {
    this.#config = config;
    this.#error = undefined;
    this.#noteConfig();
    this.#isDebugging = false;
    this.#log.level = levelOf(config, this.#isTty);
    if (this.#interrupt !== undefined) this.#interrupt.graceMs = config.shutdownGraceMs;
  }

  /** Switches from the level of the configuration to `debug`, and back. */
  #switchLevel(): void {
    this.#isDebugging = !this.#isDebugging;
    this.#log.level = this.#isDebugging ? 'debug' : levelOf(this.#config, this.#isTty);
    this.#log.info({ logLevel: this.#log.level }, 'log level changed');
  }

  #fileChanged(): void {
    if (this.#config.reload === 'file') this.reload('the file changed');
  }

  /** Prepares a round for the current configuration; returns undefined if no new round is needed. */
  async #prepare(reason: string): Promise<WatchSetup | undefined> {
    const { flags, env } = this.#context;
    this.#manager?.reloading();
    try {
      const config = await reloadConfig(this.#config, { flags: configFlags(flags), env, cwd: process.cwd(), defaultLogLevel: 'info' });
      checkSameShard(this.#config, config);
      const { changed, isForSync } = changesBetween(this.#config, config);
      const warned = new Set([...this.#config.notices, ...this.#config.unknownVariables]);
      for (const notice of [...config.notices, ...config.unknownVariables]) if (!warned.has(notice)) this.#log.warn({}, notice);
      // Also without a change: files that it names, such as those with secrets, may have other content.
      const setup = isForSync || reason === 'SIGHUP' ? await setUp(config, this.#context) : undefined;
      this.#log.info({ reason, changed }, 'configuration read');
      for (const setting of changesBetween(this.#first, config).needsRestart) this.#log.warn({ setting }, 'restart to change a setting');
      if (setup !== undefined) return setup;
      this.#useNow(config);
    } catch (error) {
      this.#failed(error);
    }
    this.#manager?.reloaded();
    return undefined;
  }

  /** Notes that the new configuration is not used, and the former one stays. */
  #failed(error: unknown): void {
    const code = error instanceof MirrorError ? error.code : 'MB9001';
    this.#error = { code, message: messageOf(error), atMs: wallMs() };
    this.#log.error({ err: error }, 'configuration not reloaded, the former one stays in force');
    this.#noteConfig(this.#status?.config?.loadedAtMs);
  }

  /** Returns the state of the watch, in a line. */
  #line(): string {
    const { lanes, roots, config } = this.#status as WatchStatus;
    const behind = lanes
      .filter(({ lagBytes }) => lagBytes > 0)
      .map(({ name, state, lagBytes }) => `${name} ${state}, ${formatBytes(lagBytes)} behind`);
    const summary = behind.length === 0 ? 'up to date' : behind.join('; ');
    const error = config?.error === undefined ? '' : '; the new configuration is invalid';
    return `${counted(roots.size, 'root')}, ${counted(lanes.length, 'lane')}: ${summary}${error}`;
  }

  /** Returns the status of the current round, for a server that outlives it. */
  #source(): HealthSource {
    const now = (): WatchStatus => this.#status as WatchStatus;
    return {
      get isReady() {
        return now().isReady;
      },
      get whyNotReady() {
        return now().whyNotReady;
      },
      get remarks() {
        return now().remarks;
      },
      get whyNotAlive() {
        return now().whyNotAlive;
      },
      document: () => now().document(),
    };
  }
}
