import picomatch from 'picomatch';

/** Whether a path matches one of some globs. One that matches a directory holds for everything below it. */
export function matcher(globs: readonly string[]): (path: string) => boolean {
  const isMatch = picomatch(
    globs.flatMap((glob) => [glob, `${glob.replace(/\/+$/, '')}/**`]),
    { dot: true },
  );
  // `.` is the run in the root itself: a path like any other, but to picomatch a step on the way.
  const isAll = globs.some((glob) => /^[*/]+$/.test(glob));
  return (path) => isMatch(path) || (isAll && path === '.');
}
