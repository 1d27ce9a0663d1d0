/** Starts the TensorBoard that the user installed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { ExitCode, MirrorError, messageOf } from '../errors.ts';
import { findProgram } from '../http/index.ts';
import { startGuard } from './guard.ts';

const PROGRAM = 'tensorboard';

/** Returns the path of the installed TensorBoard. Throws MB3030 if there is none. */
export function findTensorBoard(env: NodeJS.ProcessEnv): string {
  const found = findProgram(PROGRAM, env['PATH'] ?? '');
  if (found !== undefined) return found;
  throw new MirrorError('MB3030', `no program ${PROGRAM} in PATH`, {
    hint: 'Install TensorBoard with `pip install tensorboard`, or activate the environment that has it. `--serve-only` needs none.',
  });
}

/** The surroundings of TensorBoard. */
interface ProgramOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * Runs TensorBoard with the output of this process, until it ends or a signal ends it. Returns its exit code, 0 if the
 * signal ended it. Throws MB3030 if it cannot be started. It does not outlive this process, whatever ends that.
 */
export async function runTensorBoard(program: string, args: readonly string[], { env, signal }: ProgramOptions): Promise<number> {
  const guard = startGuard();
  const child = spawn(program, args, { env: withoutProxy(env), stdio: ['ignore', 'inherit', 'inherit'] });
  if (child.pid !== undefined) guard.watch(child.pid);
  const end = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    const [code, killedBy] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    if (signal.aborted) return ExitCode.done;
    return code ?? 128 + (killedBy === null ? 0 : constants.signals[killedBy]);
  } catch (error) {
    throw new MirrorError('MB3030', `starting ${program}: ${messageOf(error)}`, { cause: error, context: { path: program } });
  } finally {
    guard.done();
    signal.removeEventListener('abort', end);
  }
}

/** Returns an environment in which gRPC uses no proxy for this machine. */
function withoutProxy(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const others = env['no_grpc_proxy'] ?? env['no_proxy'] ?? '';
  return { ...env, no_grpc_proxy: [...others.split(','), '127.0.0.1'].filter((host) => host !== '').join(',') };
}
