/** Names as ClearML takes them: of three characters at least, without blanks at their ends. Pure. */

const LEAST = 3;
const PAD = '_';

/**
 * Fills up a name that is too short. It also fills up a name that looks filled up. So no two names become one, and
 * removing the added characters gives the name back.
 */
export function longName(name: string): string {
  const plain = name.trim();
  const missing = LEAST - ([...plain].findLastIndex((char) => char !== PAD) + 1);
  return missing > 0 ? plain + PAD.repeat(missing) : plain;
}

/** A project's name: no empty part, and each as long as servers want it. */
export function projectName(name: string): string {
  const parts = plainParts(name);
  return parts.length === 0 ? longName('') : parts.map(longName).join('/');
}

/**
 * As it was given, but for blanks and empty parts: servers before 2.2 took short parts, and have projects of such
 * names.
 */
export function plainProjectName(name: string): string {
  return plainParts(name).join('/').padEnd(LEAST, PAD);
}

/** Whether servers from 2.2 on refuse it for a part. */
export function hasShortPart(name: string): boolean {
  return plainParts(name).some((part) => [...part].length < LEAST);
}

/** The regular expression of a name: servers look for it anywhere in theirs. */
export function exactly(name: string): string {
  return `^${name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`;
}

function plainParts(name: string): readonly string[] {
  return name
    .split('/')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
