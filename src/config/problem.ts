import { type ErrorCode, MirrorError } from '../errors.ts';
import { withoutUserInfo } from './secrets.ts';

/** Keys and indices from the top of the file to a field. */
export type FieldPath = readonly (string | number)[];

/** One thing that is wrong in a configuration file. */
export interface Problem {
  readonly code: Extract<ErrorCode, 'MB1002' | 'MB1004' | 'MB1005'>;
  readonly path: FieldPath;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 units. */
  readonly column: number;
  /** What was found, as it may be shown: never a secret. */
  readonly found: string;
  readonly expected: string;
  readonly hint?: string;
}

/** The one error for all problems of a file, in the order of the file. */
export function configError(file: string, problems: readonly Problem[]): MirrorError {
  const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
  const [first] = sorted;
  if (first === undefined) return new MirrorError('MB9001', `${file} was refused without a problem`);
  const code = sorted.every((problem) => problem.code === first.code) ? first.code : 'MB1002';
  const lines = sorted.map((problem) => lineOf(file, problem) + (problem.code === code ? '' : ` [${problem.code}]`));
  const message = lines.length === 1 ? lines.join('') : [`${file} has ${lines.length} problems:`, ...lines].join('\n  ');
  const hint = sorted.find((problem) => problem.hint !== undefined)?.hint;
  return new MirrorError(code, message, {
    ...(hint === undefined ? {} : { hint }),
    context: {
      file,
      line: first.line,
      column: first.column,
      field: fieldName(first.path),
      found: first.found,
      expected: first.expected,
      problems: sorted.length,
    },
  });
}

function lineOf(file: string, problem: Problem): string {
  const field = problem.path.length === 0 ? '' : ` ${fieldName(problem.path)}`;
  return `${file}:${problem.line}:${problem.column}:${field === '' ? '' : `${field}:`} found ${problem.found}, expected ${problem.expected}`;
}

/** A path as people write it: `lanes.local.path`, `roots[0].name`. */
export function fieldName(path: FieldPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w-]+$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** A value as it may stand in a message; what is in a list or a mapping is not shown. */
export function shownValue(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(withoutUserInfo(value)) : String(value);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
