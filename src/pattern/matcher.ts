import picomatch from 'picomatch';

/** Whether a path matches one of some globs. One that matches a directory holds for everything below it. */
export function matcher(globs: readonly string[]): (path: string) => boolean {
  return picomatch(
    globs.flatMap((glob) => [glob, `${glob.replace(/\/+$/, '')}/**`]),
    { dot: true },
  );
}
