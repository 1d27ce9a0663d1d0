import { closestName } from '../closest-name.ts';
import type { Environment } from '../environment.ts';
import { environmentName } from '../flag-names.ts';
import { LANE_TYPES } from './lane-types.ts';
import { laneWord, SERVICE, TAKEN } from './tracker-lanes.ts';

const PREFIX = 'MIRRORBOARD_';
/** Variables that belong to no flag and no lane. */
const MORE = ['MIRRORBOARD_LANES', 'MIRRORBOARD_BACKEND'];

/**
 * Returns the variables that look like ours and have no effect, a sentence each. `lanes`: those of the configuration;
 * undefined for a command that reads none, for which only variables that resemble one of ours are returned. `used`:
 * the variables in the file.
 */
export function unknownVariables(env: Environment, lanes: readonly string[] | undefined, used: ReadonlySet<string> = new Set()): string[] {
  // The local store has no variables of its own, except that of its flag.
  const words = [...LANE_TYPES, ...(lanes ?? [])].filter((lane) => lane !== 'local').map(laneWord);
  return Object.keys(env)
    .filter((variable) => /^mirrorboard_\w+$/i.test(variable) && env[variable] !== '' && !used.has(variable))
    .filter((variable) => !isKnown(variable, words))
    .flatMap((variable) => {
      const meant = meantBy(variable.slice(PREFIX.length).toUpperCase(), words);
      if (meant === undefined && lanes === undefined) return [];
      const guess = meant === undefined ? '' : `; did you mean ${meant}?`;
      return [`${variable}: no flag, setting or lane uses this variable, so it has no effect${guess}`];
    })
    .sort();
}

function isKnown(variable: string, words: readonly string[]): boolean {
  if (!variable.startsWith(PREFIX)) return false;
  const rest = variable.slice(PREFIX.length);
  if (TAKEN.has(variable) || MORE.includes(variable) || SERVICE.test(rest)) return true;
  return words.some((word) => rest.startsWith(`${word}_`) && rest.length > word.length + 1);
}

/** Returns the closest name: a variable of ours, or that of a lane whose name is misspelled. */
function meantBy(rest: string, words: readonly string[]): string | undefined {
  if (rest.startsWith('LOCAL_')) return environmentName('store');
  const own = closestName(
    rest,
    [...TAKEN, ...MORE].map((variable) => variable.slice(PREFIX.length)),
  );
  if (own !== undefined) return PREFIX + own;
  const parts = rest.split('_');
  for (let length = 1; length < parts.length; length++) {
    const lane = closestName(parts.slice(0, length).join('_'), words);
    if (lane !== undefined) return `${PREFIX}${lane}_${parts.slice(length).join('_')}`;
  }
  return undefined;
}
