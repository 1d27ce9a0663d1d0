import { MirrorError, messageOf, systemCode } from '../../errors.ts';
import { inSources } from '../../source-places.ts';
import { reasonOf } from '../../system-error.ts';
import { wrapText } from '../../wrap-text.ts';
import type { Style } from './style.ts';
import { visibleText } from './visible-text.ts';

const BUG_HINT = 'This is a bug in mirrorboard. MIRRORBOARD_DEBUG=1 shows where it is; please report that.';
/** The message of Node for error numbers that it has no name for. */
const NAMELESS = /^Unknown system error/;
/** The most causes that are shown: longer chains add nothing, and a chain can be a circle. */
const MOST_CAUSES = 8;

/**
 * Returns an error for display, ending in a line end: code and message, hint, and command to try. Any error but a
 * `MirrorError` is a bug of ours. `debug` (from MIRRORBOARD_DEBUG) adds the stack. It prints the whole text: secrets
 * must not get into messages.
 */
export function renderError(
  error: unknown,
  style: Style,
  { debug = false, columns }: { readonly debug?: boolean; readonly columns?: number | undefined } = {},
): string {
  const known = error instanceof MirrorError ? error : undefined;
  const code = known?.code ?? 'MB9001';
  const lines = [`${style.red(`error[${code}]:`)} ${shown(textOf(error))}`];
  for (const cause of causes(error)) lines.push(`  because: ${shown(cause)}`);
  const hint = known === undefined && !debug ? BUG_HINT : known?.hint;
  if (hint !== undefined) lines.push(`${style.bold('hint:')} ${shown(hint)}`);
  if (known?.command !== undefined) lines.push(`${style.bold('try:')} ${shown(known.command)}`);
  if (debug && error instanceof Error && error.stack !== undefined) lines.push(style.dim(shown(inSources(error.stack))));
  return `${lines.map((line) => wrapText(line, columns, 2)).join('\n')}\n`;
}

/** Returns the messages of the causes, without those that an error above already quotes. */
function causes(error: unknown): readonly string[] {
  const printed = [textOf(error)];
  let cause = causeOf(error);
  for (let i = 0; i < MOST_CAUSES && cause !== undefined && cause !== null; i++) {
    const [text, words] = [textOf(cause), reasonOf(cause)];
    // Our words may quote the system's.
    if (!printed.some((earlier) => earlier.includes(text) || (words !== '' && earlier.includes(words))))
      printed.push(NAMELESS.test(text) ? words : text);
    cause = causeOf(cause);
  }
  return printed.slice(1);
}

function causeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'cause' in error ? error.cause : undefined;
}

/** Returns the text of an error. Some system errors have a code but no message. */
function textOf(error: unknown): string {
  return messageOf(error) || (systemCode(error) ?? 'unknown');
}

/** Makes a text harmless to a terminal, and indents further lines, so that none looks like a line of ours. */
function shown(text: string): string {
  return visibleText(text.trim(), { lines: true }).replaceAll('\n', '\n  ');
}
