import { textWidth } from '../../text-width.ts';

const ELLIPSIS = '…';
/** The longest text that is measured: of a longer one, no terminal would show the middle. */
const MOST = 8192;
let graphemes: Intl.Segmenter | undefined;

/** Fits a text into `width` columns: if it is wider, `…` replaces its middle, since names differ at both ends. */
export function fitText(text: string, width: number): string {
  if (text.length > MOST) text = `${text.slice(0, MOST / 2)}${ELLIPSIS}${text.slice(-MOST / 2)}`;
  if (textWidth(text) <= width) return text;
  if (width < 1) return '';
  graphemes ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  const parts = Array.from(graphemes.segment(text), ({ segment }) => segment);
  const room = width - 1;
  // The end gets the odd column: it tells runs and files apart more often than the beginning.
  const tail = taken(parts.toReversed(), Math.ceil(room / 2));
  const head = taken(parts, room - tail.width);
  return parts.slice(0, head.count).join('') + ELLIPSIS + (tail.count === 0 ? '' : parts.slice(-tail.count).join(''));
}

/** Returns how many of the parts fit into the columns, and how many columns they take. */
function taken(parts: readonly string[], room: number): { readonly count: number; readonly width: number } {
  let count = 0;
  let width = 0;
  for (const part of parts) {
    const next = width + textWidth(part);
    if (next > room) break;
    width = next;
    count++;
  }
  return { count, width };
}
