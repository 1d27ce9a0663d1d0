import { whoseRun } from '../backend-kit/identity/index.ts';
import type { Backend, BackendContext, BackendType } from '../contract/index.ts';
import { MirrorError } from '../errors.ts';

/**
 * Makes a backend as a lane does: from a section of the configuration. Throws MB1002 with all problems of the
 * section. `context` replaces parts of the backend's context; by default its lane is `test`, its environment empty,
 * and warnings are dropped.
 */
export async function makeBackend<Settings>(
  type: BackendType<Settings>,
  section: Readonly<Record<string, unknown>>,
  context: Partial<BackendContext> = {},
): Promise<Backend> {
  const { env = {} } = context;
  const parsed = type.parse(section, env);
  if (parsed.kind === 'problems') {
    const list = parsed.problems.map(({ path, found, expected }) => `${path.join('.')}: found ${found}, expected ${expected}`);
    throw new MirrorError('MB1002', `checking a section of ${type.type}: ${list.join('; ')}`);
  }
  return type.create(parsed.settings, { lane: 'test', whoseRun, warn: () => {}, ...context, env });
}
