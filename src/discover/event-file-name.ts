/** TensorBoard's rule: the name contains `tfevents` anywhere, and is not the mark of a profile without events. */
export function isEventFileName(name: string): boolean {
  return name.includes('tfevents') && !name.endsWith('.profile-empty');
}

/** Ends the name of a file that Unity keeps beside each file of a project (ML-Agents logs often lie in one): `NAME.meta`. */
const COMPANION = '.meta';

/** Whether a file is only Unity's companion to another one, which is there. */
export function isCompanion(name: string, isThere: (name: string) => boolean): boolean {
  return name.endsWith(COMPANION) && isThere(name.slice(0, -COMPANION.length));
}
