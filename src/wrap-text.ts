import type { Environment } from './environment.ts';
import { textWidth } from './text-width.ts';

/**
 * Breaks the lines of a text at words, so that none is wider than `width`. A continued line has the indent of its
 * line, and `hang` more. A wider word stays whole: it is a path or a command, and a person may want to copy it.
 * Without a width, nothing is broken.
 */
export function wrapText(text: string, width: number | undefined, hang = 0): string {
  if (width === undefined || width <= 0) return text;
  return text
    .split('\n')
    .map((line) => wrapLine(line, width, hang))
    .join('\n');
}

function wrapLine(line: string, width: number, hang: number): string {
  if (textWidth(line) <= width) return line;
  const own = /^ */.exec(line)?.[0].length ?? 0;
  // On a very narrow terminal, a full indent would leave no room.
  const indent = ' '.repeat(Math.min(own + hang, Math.floor(width / 2)));
  const lines: string[] = [];
  let current = ' '.repeat(own);
  let isEmpty = true;
  for (const word of line.slice(own).split(' ')) {
    const longer = isEmpty ? current + word : `${current} ${word}`;
    if (isEmpty || textWidth(longer) <= width) {
      current = longer;
      isEmpty = false;
      continue;
    }
    lines.push(current.trimEnd());
    current = indent + word;
  }
  return [...lines, current].join('\n');
}

/**
 * Returns how many columns a stream has: COLUMNS if it is set, else those of the terminal. Returns undefined if text
 * goes to a file or a program, which reads whole lines.
 */
export function columnsOf(
  stream: { readonly columns?: number | undefined; readonly isTTY?: boolean | undefined },
  env: Environment,
): number | undefined {
  const columns = Number(env['COLUMNS']);
  if (Number.isInteger(columns) && columns > 0) return columns;
  return stream.isTTY === true && stream.columns !== undefined && stream.columns > 0 ? stream.columns : undefined;
}
