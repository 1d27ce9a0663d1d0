import { once } from 'node:events';
import { ExitCode, MirrorError } from '../errors.ts';
import type { Shown } from '../query/index.ts';
import { findTensorBoard, runTensorBoard, serveTensorBoard } from '../tensorboard/index.ts';
import { type CommandContext, type GlobalOptions, shellWord, writeOut } from './context.ts';
import { Interrupt } from './interrupt.ts';
import { readConfig } from './read-config.ts';

/** The options of `tensorboard`. */
interface TensorBoardFlags extends GlobalOptions {
  readonly root?: string;
  readonly restarts: Shown;
  readonly dataPort?: string;
  readonly serveOnly?: boolean;
}

const PROGRAM = 'tensorboard';
const DATA_FLAG = '--grpc_data_provider';

/** Shows the local store in TensorBoard: starts the installed one, or only serves the data for it. */
export async function tensorboardCommand(words: readonly string[], flags: TensorBoardFlags, context: CommandContext): Promise<void> {
  const { stdout, env } = context;
  const port = portOf(flags.dataPort);
  checkWords(words);
  const program = flags.serveOnly === true ? PROGRAM : findTensorBoard(env);
  const config = await readConfig(flags, context);
  // A reload of the page asks again, so nothing needs to be finished.
  using interrupt = new Interrupt(() => undefined, { graceMs: config.shutdownGraceMs });
  const data = await serveTensorBoard({ store: config.store, root: flags.root, shown: flags.restarts, port });
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

function portOf(text: string | undefined): number {
  if (text === undefined) return 0;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port > 0 && port < 65_536) return port;
  throw new MirrorError('MB1001', `--data-port: found ${JSON.stringify(text)}, expected a port from 1 to 65535`);
}
