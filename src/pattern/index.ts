/** Globs whose parts can have names, and templates that use those names. Pure. */
export { emptyingProblem, type GlobKind, globProblem } from './glob-problem.ts';
export { matcher } from './matcher.ts';
export { fillTemplate, Pattern, patternProblem } from './pattern.ts';
