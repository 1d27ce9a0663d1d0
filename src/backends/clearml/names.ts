/** Names as ClearML accepts them: at least three characters, without blanks at their ends. Pure. */

/** The server's least length (`min_length` of names in `apiserver/database/model/task/task.py` and `project.py`). */
const LEAST = 3;
const PAD = '_';

/**
 * Pads a name that is too short. It also pads a name that looks padded. So no two names become one, and removing the
 * added characters gives the name back.
 */
export function longName(name: string): string {
  const plain = name.trim();
  const missing = LEAST - ([...plain].findLastIndex((char) => char !== PAD) + 1);
  return missing > 0 ? plain + PAD.repeat(missing) : plain;
}

/** Returns a project's name: without empty parts, and each part as long as servers require. */
export function projectName(name: string): string {
  const parts = plainParts(name);
  return parts.length === 0 ? longName('') : parts.map(longName).join('/');
}

/**
 * Returns a project's name as it was given, without blanks and empty parts: servers before 2.2 accepted short parts,
 * and have projects with such names.
 */
export function plainProjectName(name: string): string {
  return plainParts(name).join('/').padEnd(LEAST, PAD);
}

/** True if servers from 2.2 on refuse the name because of a short part. */
export function hasShortPart(name: string): boolean {
  return plainParts(name).some((part) => [...part].length < LEAST);
}

/** Returns a regular expression for exactly this name: servers search for it anywhere in their names. */
export function exactly(name: string): string {
  return `^${name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`;
}

function plainParts(name: string): readonly string[] {
  return name
    .split('/')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
