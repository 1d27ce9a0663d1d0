import { withoutUserInfo } from '../config/index.ts';
import { ExitCode, errorCodes, MirrorError, messageOf } from '../errors.ts';
import { type Style, visibleText, wrapText } from './terminal/index.ts';

/** The result of a check. `unreachable`: the check was not possible. */
type FindingState = 'ok' | 'note' | 'problem' | 'unreachable';

/** One check and its result. */
export interface Finding {
  /** The kind of the checked thing: `root`, `lane`. */
  readonly area: string;
  readonly name: string;
  readonly state: FindingState;
  /** The result, in a sentence. */
  readonly text: string;
  /** Further facts, a sentence each. */
  readonly more?: readonly string[];
  readonly hint?: string | undefined;
  /** Facts for programs. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/**
 * Converts a thrown error to a finding: for a tracker that does not answer, the check was not possible; any other
 * error is a problem.
 */
export function failureFinding(area: string, name: string, error: unknown): Finding {
  if (error instanceof Error && error.name === 'AbortError')
    return { area, name, state: 'unreachable', text: 'interrupted before it answered' };
  const code = codeOf(error);
  return {
    area,
    name,
    state: code === 'MB4001' ? 'unreachable' : 'problem',
    text: `${withoutUserInfo(messageOf(error))} [${code}]`,
    hint: hintOf(error),
    facts: { code },
  };
}

/** Returns the code of an error; a package's error may not be of our class. */
function codeOf(error: unknown): string {
  if (error instanceof MirrorError) return error.code;
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  return Object.hasOwn(errorCodes, code) ? code : 'MB4005';
}

function hintOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined;
}

/**
 * Returns the exit code of some findings; `wrong` is the code for a problem. A problem outweighs a check that was not
 * possible.
 */
export function exitCodeOf(findings: readonly Finding[], wrong: ExitCode = ExitCode.notMirrored): ExitCode {
  if (findings.some(({ state }) => state === 'problem')) return wrong;
  return findings.some(({ state }) => state === 'unreachable') ? ExitCode.couldNotJudge : ExitCode.done;
}

/** Returns a finding as `doctor --json` prints it. */
export function findingJson({ area, name, state, text, more = [], hint, facts = {} }: Finding): object {
  return { area, name, state, text, more, hint: hint ?? null, ...facts };
}

/** Returns the word for a state, for a column of its own. */
function stateWord(state: FindingState, style: Style): string {
  const word = state.padEnd(STATE_WIDTH);
  if (state === 'ok') return style.green(word);
  return state === 'note' ? style.yellow(word) : style.red(word);
}

const STATE_WIDTH = 'unreachable'.length;

/** On a narrower terminal, there is no room for wrapped text next to the states. */
const ROOMY_COLUMNS = 70;

/** Returns findings as lines: state and sentence, with further sentences indented below. */
export function findingLines(findings: readonly Finding[], style: Style, width?: number): string[] {
  const indent = width !== undefined && width < ROOMY_COLUMNS ? 4 : STATE_WIDTH + 4;
  const below = ' '.repeat(indent);
  return findings.flatMap(({ name, state, text, more = [], hint }) => [
    wrapText(
      `  ${stateWord(state, style)}  ${name === '' ? '' : `${style.bold(visibleText(name))}: `}${visibleText(text)}`,
      width,
      indent - 2,
    ),
    ...more.map((line) => wrapText(`${below}${visibleText(line)}`, width)),
    ...(hint === undefined || state === 'ok' ? [] : [wrapText(`${below}${style.bold('hint:')} ${visibleText(hint)}`, width)]),
  ]);
}
