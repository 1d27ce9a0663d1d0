import { steadyMs } from '../clock.ts';
import { createLogger, formatFor } from '../status/index.ts';
import { type CommandContext, styleOf } from './context.ts';
import { EarlyHangup, ENDING, Interrupt } from './interrupt.ts';
import { readConfig } from './read-config.ts';
import { counted, formatBytes, formatDuration, WatchBlock } from './terminal/index.ts';
import type { WatchFlags } from './watch-flags.ts';
import { WatchPage } from './watch-page.ts';
import { levelOf, WatchService } from './watch-service.ts';
import { rootsOf } from './watch-setup.ts';
import { WatchTensorBoard } from './watch-tensorboard.ts';

/** Mirrors until it is asked to end. */
export async function watchCommand(roots: readonly string[], flags: WatchFlags, context: CommandContext): Promise<void> {
  const { stderr, env } = context;
  using early = new EarlyHangup();
  const config = await readConfig(flags, context, { defaultLogLevel: 'info', isMirroring: true });
  rootsOf(roots, config);
  const access = await WatchPage.access(flags);
  const isTty = stderr.isTTY === true && env['TERM'] !== 'dumb';
  const block = new WatchBlock({
    stream: stderr,
    isTty: isTty && (flags.quiet ?? 0) === 0,
    columns: () => stderr.columns,
    style: styleOf(stderr, flags, env),
  });
  const stream = { isTTY: isTty, write: (text: string) => block.print(text.trimEnd()) };
  const log = await createLogger({ level: levelOf(config, isTty), format: config.log.format, stream });
  const isJson = formatFor(stream, config.log.format) === 'json';
  const ending = (line: string, signal: NodeJS.Signals): void => {
    if (isJson) log.info({ signal }, ENDING);
    else block.print(line);
  };
  const report = (address: string): void => {
    if (isJson || !isTty) log.info({ address }, 'TensorBoard data served to this machine only');
    else if ((flags.quiet ?? 0) === 0) block.print(`TensorBoard, on this machine only: tensorboard --grpc_data_provider=${address}`);
  };
  const { tensorboardPort: port } = flags;
  const tensorboard = port === undefined ? undefined : new WatchTensorBoard(port, config, report);
  const service = new WatchService({ roots, flags, env, log }, { config, block, isTty, access, tensorboard });
  using interrupt = new Interrupt(ending, { hungUp: () => service.reload('SIGHUP'), graceMs: config.shutdownGraceMs });
  // The configuration that was read may be older than the change that the signal reports.
  if (early.wasReceived) service.reload('SIGHUP');
  const status = await service.run(interrupt);
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
