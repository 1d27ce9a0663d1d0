/** TensorBoard's rule: the name contains `tfevents` anywhere, and is not the mark of a profile without events. */
export function isEventFileName(name: string): boolean {
  return name.includes('tfevents') && !name.endsWith('.profile-empty');
}
