/** Puts runs together by what their names or params have in common. */
import { paramText } from './columns.ts';

/** What of a run decides its group. */
export interface GroupedRun {
  readonly id: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Returns the name of a run's group. */
export type GroupName = (run: GroupedRun) => string;

/** A rule that cannot be read: why. */
export interface BadRule {
  readonly why: string;
}

/**
 * Returns the rule of a text. `param:NAME` puts runs with the same value together. A regular expression puts runs
 * together whose matches are the same: the groups in parentheses if it has any, else the whole match. Undefined for an
 * empty text.
 */
export function groupRule(text: string): GroupName | BadRule | undefined {
  if (text === '') return undefined;
  if (text.startsWith('param:')) {
    const name = text.slice('param:'.length);
    return ({ params }) => (Object.hasOwn(params, name) ? `${name} = ${paramText(params[name])}` : `without ${name}`);
  }
  const regex = regexOf(text);
  if (!(regex instanceof RegExp)) return regex;
  return ({ id }) => {
    const match = regex.exec(id);
    if (match === null) return 'others';
    const parts = match.slice(1).filter((part) => part !== undefined);
    return parts.length === 0 ? match[0] : parts.join(' · ');
  };
}

/** Returns a regular expression; what is wrong with it if it is none. */
export function regexOf(text: string): RegExp | BadRule {
  try {
    return new RegExp(text, 'u');
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
}

/** Returns the groups in the order of their first run. */
export function grouped<Run extends GroupedRun>(runs: Iterable<Run>, nameOf: GroupName): ReadonlyMap<string, readonly Run[]> {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const name = nameOf(run);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [run]);
    else group.push(run);
  }
  return groups;
}
