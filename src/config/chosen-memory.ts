import type { Environment } from '../environment.ts';
import { MirrorError } from '../errors.ts';
import { MEMORY_WORDS, parseMemory } from '../memory/index.ts';

const FLAG = '--memory';
const VARIABLE = 'MIRRORBOARD_MEMORY';

/** Returns the memory limit from the command line or the environment, in bytes; undefined if neither has one. */
export function askedMemory(
  flag: string | undefined,
  env: Environment,
): { readonly value: number; readonly source: 'flag' | 'environment'; readonly location: string } | undefined {
  const [text, source, location] =
    flag === undefined ? ([env[VARIABLE], 'environment', VARIABLE] as const) : ([flag, 'flag', FLAG] as const);
  if (text === undefined || (text === '' && source === 'environment')) return undefined;
  const value = parseMemory(text);
  if (value !== undefined) return { value, source, location };
  const found = JSON.stringify(text);
  throw new MirrorError(source === 'flag' ? 'MB1001' : 'MB1002', `${location}: found ${found}, expected ${MEMORY_WORDS}`, {
    context: { field: location, found: text, expected: MEMORY_WORDS },
  });
}
