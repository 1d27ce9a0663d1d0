import { once } from 'node:events';
import { ExitCode, MirrorError } from '../errors.ts';
import type { Shown } from '../query/index.ts';
import { findTensorBoard, runTensorBoard, serveTensorBoard } from '../tensorboard/index.ts';
import { type CommandContext, type GlobalOptions, shellWord, writeOut } from './context.ts';
import { Interrupt } from './interrupt.ts';
import { portOf } from './port.ts';
import { localLane, readConfig } from './read-config.ts';
import { wrapperScript } from './tensorboard-data-server.ts';

/** The options of `tensorboard`. */
interface TensorBoardFlags extends GlobalOptions {
  readonly root?: string;
  readonly restarts: Shown;
  readonly dataPort?: string;
  readonly serveOnly?: boolean;
  readonly printWrapper?: boolean;
}

const PROGRAM = 'tensorboard';
const DATA_FLAG = '--grpc_data_provider';

/** Shows the local store in TensorBoard: starts the installed one, or only serves the data for it. */
export async function tensorboardCommand(words: readonly string[], flags: TensorBoardFlags, context: CommandContext): Promise<void> {
  const { stdout, env } = context;
  const port = flags.dataPort === undefined ? 0 : portOf(flags.dataPort, '--data-port');
  checkWords(words);
  if (flags.printWrapper === true) return await printWrapper(flags, context);
  const program = flags.serveOnly === true ? PROGRAM : findTensorBoard(env);
  const config = await readConfig(flags, context);
  // A reload of the page asks again, so nothing needs to be finished.
  using interrupt = new Interrupt(() => undefined, { graceMs: config.shutdownGraceMs });
  const choice = { root: flags.root, shown: flags.restarts };
  const isAwaited = flags.serveOnly !== true;
  const data = await serveTensorBoard({ ...choice, store: config.store, port, isAwaited, flag: '--data-port' });
  try {
    const args = [`${DATA_FLAG}=${data.address}`, ...words];
    const command = [PROGRAM, ...args];
    if (flags.json === true) await writeOut(stdout, `${JSON.stringify({ type: 'tensorboard', address: data.address, command })}\n`);
    if (flags.serveOnly !== true) {
      context.exitCode = await runTensorBoard(program, args, { env, signal: interrupt.signal });
      return;
    }
    if (flags.json !== true) await writeOut(stdout, `${command.map(shellWord).join(' ')}\n`);
    if (!interrupt.signal.aborted) await once(interrupt.signal, 'abort');
    context.exitCode = ExitCode.done;
  } finally {
    await data.close();
  }
}

/** Prints the script that makes a TensorBoard, which others start, show the store. */
async function printWrapper(flags: TensorBoardFlags, context: CommandContext): Promise<void> {
  const lane = localLane(await readConfig(flags, context));
  await writeOut(context.stdout, wrapperScript(lane, flags.restarts));
}

function checkWords(words: readonly string[]): void {
  // TensorBoard accepts the beginning of a flag for the flag.
  if (words.some((word) => /^--grpc_d[^=]*/.test(word) && DATA_FLAG.startsWith(word.split('=', 1)[0] ?? ''))) {
    throw new MirrorError('MB1001', `${DATA_FLAG} cannot be set: TensorBoard gets the address of the local store`, {
      hint: 'Omit it. To choose the port, use --data-port.',
    });
  }
  const first = words[0];
  if (first === undefined || first.startsWith('-')) return;
  throw new MirrorError('MB1001', `found ${JSON.stringify(first)}, expected flags for TensorBoard after --`, {
    hint: 'The log directories are those of the local store. To show one of them, use --root NAME.',
    command: 'mirrorboard tensorboard -- --port 6007',
  });
}
