import { existsSync } from 'node:fs';
import type { Server } from 'node:http';
import { steadyMs } from '../clock.ts';
import { linksOf, parseRoot, runEndedAfterOf } from '../config/index.ts';
import { MirrorError } from '../errors.ts';
import { createLogger, formatFor, type MetricsPage, serveHealth, type WatchStatus } from '../status/index.ts';
import { type CommandContext, type GlobalOptions, styleOf } from './context.ts';
import { ENDING, Interrupt } from './interrupt.ts';
import { readConfig } from './read-config.ts';
import { counted, formatBytes, formatDuration, WatchBlock } from './terminal/index.ts';
import { version } from './version.ts';

/** The options of `watch`. */
interface WatchFlags extends GlobalOptions {
  readonly listen?: string;
  readonly listenHost: readonly string[];
  readonly poll?: boolean;
  readonly remap?: boolean;
  readonly rebuild?: boolean;
}

/** Mirrors forever. */
export async function watchCommand(roots: readonly string[], flags: WatchFlags, context: CommandContext): Promise<void> {
  const { stderr, env } = context;
  const config = await readConfig(flags, context, { defaultLogLevel: 'info' });
  const requests = roots.length > 0 ? roots.map((root) => parseRoot(root, existsSync)) : config.roots;
  if (requests.length === 0) {
    throw new MirrorError('MB1001', 'nothing to watch: no log directory given', { command: 'mirrorboard watch LOGDIR' });
  }
  const store = config.lanes.local;
  const isTty = stderr.isTTY === true && env['TERM'] !== 'dumb';
  const block = new WatchBlock({
    stream: stderr,
    isTty: isTty && (flags.quiet ?? 0) === 0,
    columns: () => stderr.columns,
    style: styleOf(stderr, flags, env),
  });
  const stream = { isTTY: isTty, write: (text: string) => block.print(text.trimEnd()) };
  // On a terminal the block says what the log would; there, only warnings are worth a line.
  const isQuietTerminal = isTty && config.sources.get('log.level') === 'default';
  const log = await createLogger({ level: isQuietTerminal ? 'warn' : config.log.level, format: config.log.format, stream });
  const isJson = formatFor(stream, config.log.format) === 'json';
  const hungUp = (): void => log.info({ signal: 'SIGHUP' }, 'hangup ignored: restart watch to reload the configuration');
  const ending = (line: string, signal: NodeJS.Signals): void => {
    if (isJson) log.info({ signal }, ENDING);
    else block.print(line);
  };
  using interrupt = new Interrupt(ending, { hungUp, graceMs: config.shutdownGraceMs });
  const { makeTrackerLanes } = await import('../lanes/index.ts');
  const trackers =
    config.lanes.trackers.length === 0
      ? []
      : await makeTrackerLanes(config, env, undefined, (lane, message, facts) => log.warn({ lane, ...facts }, message), {
          remap: flags.remap === true,
          rebuild: flags.rebuild === true,
        });
  const { watch } = await import('../sync/index.ts');
  let server: Server | undefined;
  let status: WatchStatus;
  try {
    status = await watch({
      roots: requests,
      linksOf: linksOf(config),
      store,
      trackers,
      statePath: config.state.path,
      rules: config.rules,
      scanIntervalMs: config.scanIntervalMs,
      runEndedAfterOf: runEndedAfterOf(config),
      notify: flags.poll !== true,
      signal: interrupt.signal,
      log,
      onStart: async (started) => {
        block.start(started);
        if (flags.listen) server = await serveHealth(flags.listen, started, flags.listenHost, await metricsOf(started));
      },
    });
  } finally {
    block.stop();
    // A connection that is kept open must not hold up the end.
    server?.close();
    server?.closeAllConnections();
  }
  log.info({ points: status.points, bytes: status.bytes }, 'watch ended');
  if (flags.json === true) context.stdout.write(`${JSON.stringify(status.document())}\n`);
  else if ((flags.quiet ?? 0) < 2 && isTty) {
    const took = formatDuration(steadyMs() - status.startedAtMs);
    stderr.write(
      `Watched for ${took}: ${counted(status.points, 'point')}, ${formatBytes(status.bytes)} mirrored into ` +
        `${status.lanes.map(({ where }) => where).join(', ')}\n`,
    );
  }
}

/** Without a listener, nobody asks for them, and the library is not loaded. */
async function metricsOf(status: WatchStatus): Promise<MetricsPage> {
  const { Metrics } = await import('../metrics/index.ts');
  return new Metrics(status, { version: version(), node: process.version });
}
