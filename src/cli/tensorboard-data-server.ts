import { once } from 'node:events';
import { realpathSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { defaultMediaPath } from '../config/index.ts';
import { ExitCode, MirrorError, messageOf } from '../errors.ts';
import { packageFile } from '../package-file.ts';
import type { Shown } from '../query/index.ts';
import { serveTensorBoard } from '../tensorboard/index.ts';
import { type CommandContext, shellWord } from './context.ts';
import { Interrupt } from './interrupt.ts';
import { portOf } from './port.ts';
import { visibleText } from './terminal/index.ts';

/** The options of `tensorboard data-server`: those of the wrapper, and those of TensorBoard's own data server. */
export interface DataServerFlags {
  readonly store?: string;
  readonly media?: string;
  readonly restarts: Shown;
  readonly logdir: string;
  readonly port?: string;
  readonly portFile?: string;
  readonly errorFile?: string;
  readonly dieAfterStdin?: boolean;
}

const DEFAULT_STORE = './mirrorboard.db';
/**
 * Returns a script that TensorBoard starts in place of its own data server. All its paths are absolute: TensorBoard
 * starts it in any directory, and with any PATH.
 */
export function wrapperScript({ path, mediaPath }: { readonly path: string; readonly mediaPath: string }, restarts: Shown): string {
  const words = [
    packageFile('bin/mirrorboard'),
    'tensorboard',
    'data-server',
    '--store',
    resolve(path),
    '--media',
    resolve(mediaPath),
    '--restarts',
    restarts,
  ];
  return `#!/bin/sh
# TensorBoard starts this in place of its own data server: TENSORBOARD_DATA_SERVER_BINARY names this file.
PATH=${shellWord(dirname(process.execPath))}:$PATH
export PATH
exec ${words.map(shellWord).join(' ')} "$@"
`;
}

/** Serves the data of a log directory as TensorBoard's own data server does, for the TensorBoard that started it. */
export async function dataServerCommand(flags: DataServerFlags, context: CommandContext): Promise<void> {
  const { errorFile, portFile, logdir, restarts } = flags;
  using interrupt = new Interrupt(() => undefined);
  let data: Awaited<ReturnType<typeof serveTensorBoard>>;
  try {
    const port = portOf(flags.port ?? '0', '--port', 0);
    const path = resolve(flags.store ?? DEFAULT_STORE);
    const store = { path, mediaPath: resolve(flags.media ?? defaultMediaPath(path)) };
    data = await serveTensorBoard({ store, logdir: formsOf(logdir), shown: restarts, port, flag: '--port' });
  } catch (error) {
    // TensorBoard shows what is in the file only if it may not use its other loader.
    if (errorFile !== undefined) writeFor(errorFile, `${visibleText(messageOf(error))}\n`);
    throw error;
  }
  try {
    if (portFile !== undefined) writeFor(portFile, `${data.address.split(':').at(-1)}\n`);
    const end = flags.dieAfterStdin === true ? AbortSignal.any([interrupt.signal, endOfInput()]) : interrupt.signal;
    if (!end.aborted) await once(end, 'abort');
    context.exitCode = ExitCode.done;
  } finally {
    await data.close();
  }
}

/** Returns the paths of a log directory: as it was named, and without links. It need not exist any more. */
function formsOf(logdir: string): string[] {
  const named = resolve(logdir.replace(/^~(?=\/|$)/, homedir()));
  try {
    return [...new Set([named, realpathSync(named)])];
  } catch {
    return [named];
  }
}

function writeFor(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new MirrorError('MB3009', `writing ${path}: ${messageOf(error)}`, { cause: error, context: { path } });
  }
}

/** Returns a signal of the end of standard input: TensorBoard has ended, in whatever way. */
function endOfInput(): AbortSignal {
  const controller = new AbortController();
  for (const event of ['end', 'close', 'error']) process.stdin.once(event, () => controller.abort());
  process.stdin.resume();
  return controller.signal;
}
