/** Which rows of a long list are in view. */

import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

/** Rows from `from` to before `to`. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** Rows above and below what is in view: a scroll shows them before the next frame. */
const MORE = 12;

/** Follows the scrolling of a box with rows of one height. */
export function useRowRange(box: RefObject<HTMLElement | null>, rowPx: number, count: number): RowRange {
  const [range, setRange] = useState<RowRange>({ from: 0, to: 40 });
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const look = (): void => {
      const from = Math.max(0, Math.floor(element.scrollTop / rowPx) - MORE);
      const to = Math.ceil((element.scrollTop + element.clientHeight) / rowPx) + MORE;
      setRange((before) => (before.from === from && before.to === to ? before : { from, to }));
    };
    look();
    element.addEventListener('scroll', look, { passive: true });
    const size = new ResizeObserver(look);
    size.observe(element);
    return () => {
      element.removeEventListener('scroll', look);
      size.disconnect();
    };
  }, [box, rowPx]);
  return { from: Math.min(range.from, Math.max(0, count - 1)), to: Math.min(range.to, count) };
}

/** Scrolls as little as shows a row, below a head of `headPx`. */
export function showRow(element: HTMLElement, row: number, rowPx: number, headPx: number): void {
  const top = row * rowPx;
  const height = element.clientHeight - headPx;
  if (top < element.scrollTop) element.scrollTop = top;
  else if (top + rowPx > element.scrollTop + height) element.scrollTop = top + rowPx - height;
}
