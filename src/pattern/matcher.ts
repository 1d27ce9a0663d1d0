import picomatch from 'picomatch';
import { Expression } from './expression.ts';

/**
 * Returns a function that is true if a path matches one of some globs. A glob that matches a directory applies to
 * everything below it.
 */
export function matcher(globs: readonly string[]): (path: string) => boolean {
  const all = globs.flatMap((glob) => [glob, `${glob.replace(/\/+$/, '')}/**`]);
  const expressions = all.map((glob) => ({ glob, expression: new Expression(picomatch.makeRe(glob, { dot: true }).source) }));
  const isMatch = (path: string): boolean =>
    expressions.some(({ glob, expression }) => path === glob || expression.match(path) !== undefined);
  // `.` is the run in the root itself: a path like any other, but for picomatch a step on the way.
  const isAll = globs.some((glob) => /^[*/]+$/.test(glob));
  return (path) => isMatch(path) || (isAll && path === '.');
}
