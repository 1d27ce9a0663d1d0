import { type ErrorCode, MirrorError } from '../errors.ts';
import { withoutUserInfo } from './secrets.ts';

/** The keys and indices from the top of the file to a field. */
export type FieldPath = readonly (string | number)[];

/** One problem in a configuration file. */
export interface Problem {
  readonly code: Extract<ErrorCode, 'MB1002' | 'MB1004'>;
  readonly path: FieldPath;
  /** The line, from 1. */
  readonly line: number;
  /** The column, from 1, in UTF-16 units. */
  readonly column: number;
  /** The value that was found, as it may be shown: never a secret. */
  readonly found: string;
  readonly expected: string;
  readonly hint?: string;
}

/** Returns one error for all problems of a file, in the order of the file. */
export function configError(file: string, problems: readonly Problem[]): MirrorError {
  const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
  const located = sorted.map(({ path, line, column, ...rest }) => ({
    ...rest,
    location: `${file}:${line}:${column}`,
    field: fieldName(path),
  }));
  const [first] = sorted;
  return problemsError(file, located, first === undefined ? {} : { file, line: first.line, column: first.column });
}

/** A problem of a value from anywhere: a file, a variable, a flag. */
export interface LocatedProblem extends Pick<Problem, 'code' | 'found' | 'expected' | 'hint'> {
  /** Its location: `mirrorboard.yaml:3:11`, `MIRRORBOARD_LANES`; undefined if there is none. */
  readonly location: string | undefined;
  /** The field as people write it: `lanes.mlflow.tracking_uri`; empty for the whole. */
  readonly field: string;
  /** True if the problem may exist only on this machine: a file is missing here. */
  readonly isLocal?: true;
}

/** Notes a problem once: what all profiles share is checked for each of them. */
export function addProblem(problems: LocatedProblem[], problem: LocatedProblem): void {
  const isKnown = problems.some(
    ({ location, field, found }) => location === problem.location && field === problem.field && found === problem.found,
  );
  if (!isKnown) problems.push(problem);
}

/** Returns one error for several problems, in the order given. */
export function problemsError(
  what: string,
  problems: readonly LocatedProblem[],
  context: Readonly<Record<string, string | number>> = {},
): MirrorError {
  const [first] = problems;
  if (first === undefined) return new MirrorError('MB9001', `${what} was refused without a problem`);
  const code = problems.every((problem) => problem.code === first.code) ? first.code : 'MB1002';
  const hints = new Set(problems.flatMap((problem) => (problem.hint === undefined ? [] : [problem.hint])));
  // A single hint comes at the end; if there are several, each comes below its problem.
  const [hint] = hints.size === 1 ? hints : [];
  const lines = problems.flatMap((problem) => [
    lineOf(problem) + (problem.code === code ? '' : ` [${problem.code}]`),
    ...(problem.hint === undefined || hint !== undefined ? [] : [`  hint: ${problem.hint}`]),
  ]);
  const message = problems.length === 1 ? lines.join('') : [`${what} has ${problems.length} problems:`, ...lines].join('\n  ');
  // The configuration may be valid elsewhere: a variable or a file is missing here.
  const isLocal = problems.every((problem) => problem.location === undefined || problem.code === 'MB1004' || problem.isLocal === true);
  return new MirrorError(code, message, {
    ...(hint === undefined ? {} : { hint }),
    context: {
      ...context,
      field: first.field,
      found: first.found,
      expected: first.expected,
      problems: problems.length,
      ...(isLocal ? { is_local: true } : {}),
    },
  });
}

function lineOf({ location, field, found, expected }: LocatedProblem): string {
  const where = [location, field === '' ? undefined : field].filter((part) => part !== undefined);
  return `${where.map((part) => `${part}: `).join('')}found ${found}, expected ${expected}`;
}

/** Writes a path as people do: `lanes.local.path`, `roots[0].name`. */
export function fieldName(path: FieldPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w-]+$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** Returns a value as a message may show it; the content of a list or a mapping is not shown. */
export function shownValue(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(withoutUserInfo(value)) : String(value);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
