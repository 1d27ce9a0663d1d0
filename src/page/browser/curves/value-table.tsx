/** The exact values below a chart: at the crosshair, or the last ones. */
import type { Signal } from '@preact/signals';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { CrosshairRow } from '../../model/crosshair.ts';
import { shortText } from '../../model/exact-number.ts';
import { durationText, wallTimeText } from '../../model/time-ticks.ts';
import { visibleText } from '../../model/visible-text.ts';
import { fullScreen, highlighted, rowOrder } from './curves-state.ts';

/** A row with what it looks like. */
export interface ShownRow extends CrosshairRow {
  readonly name: string;
  readonly colour: string;
  readonly isGroup: boolean;
  /** The start of its series, for relative time. */
  readonly start: number;
  /** The value of a smoothed line; undefined without smoothing. */
  readonly smooth: number | undefined;
}

/** More rows than this nobody reads, and they cost time with each move of the crosshair. */
const MOST_ROWS = 60;
/** The rows until the user looks for more: few more have room, and each costs every frame of a scroll through charts. */
const FIRST_ROWS = 8;

interface Props {
  readonly rows: Signal<readonly ShownRow[]>;
  /** True while the rows are those at the crosshair. */
  readonly isAtCrosshair: Signal<boolean>;
  readonly tag: string;
}

/** A table with a row for each run. */
export function ValueTable({ rows, isAtCrosshair, tag }: Props): VNode {
  const all = rows.value;
  const [isOpen, setOpen] = useState(false);
  const isWhole = isOpen || fullScreen.value === tag;
  const shown = all.slice(0, isWhole ? MOST_ROWS : FIRST_ROWS);
  const open = (): void => setOpen(true);
  const hasSmooth = shown.some(({ smooth }) => smooth !== undefined);
  return (
    <section
      class="values"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
      tabIndex={0}
      aria-label={`Values of ${visibleText(tag)}`}
      onPointerEnter={open}
      onFocus={open}
      onScroll={open}
      onMouseLeave={() => (highlighted.value = null)}
    >
      <table class={hasSmooth ? 'with-smooth' : ''}>
        <thead>
          <tr>
            <th scope="col">{isAtCrosshair.value ? 'Crosshair' : 'Last'}</th>
            {hasSmooth ? (
              <th scope="col" class="number">
                Smoothed
              </th>
            ) : null}
            <th scope="col" class="number">
              Value
            </th>
            <th scope="col" class="number">
              Step
            </th>
            <th scope="col" class="number time">
              Time
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <Row key={row.id} row={row} hasSmooth={hasSmooth} />
          ))}
        </tbody>
      </table>
      <More count={all.length - shown.length} open={isWhole ? undefined : open} />
    </section>
  );
}

/** Says how many rows are not there; `open` shows them. */
function More({ count, open }: { readonly count: number; readonly open: (() => void) | undefined }): VNode | null {
  if (count === 0) return null;
  if (open === undefined) return <p class="muted">{count} more</p>;
  return (
    <button type="button" class="plain" onClick={open}>
      {count} more
    </button>
  );
}

function Row({ row, hasSmooth }: { readonly row: ShownRow; readonly hasSmooth: boolean }): VNode {
  const { id, name, colour, isGroup, smooth, value, step, wallTime, start, points, min, max } = row;
  const hidden = points > 1 ? `\nlast of ${points} points, from ${shortText(min)} to ${shortText(max)}` : '';
  const range = isGroup ? `\nmean, from ${shortText(min)} to ${shortText(max)}` : '';
  return (
    <tr class={highlighted.value === id ? 'is-high' : ''} onMouseEnter={() => (highlighted.value = id)}>
      <td class="cut" title={visibleText(id)}>
        <span class="chip" style={{ background: colour }} />
        {name}
      </td>
      {hasSmooth ? <td class="number">{smooth === undefined ? '' : shortText(smooth)}</td> : null}
      <td class="number" title={`${value}${hidden}${range}`}>
        {isGroup ? shortText(Number(value), 7) : value}
        {points > 1 ? <sup>{points}</sup> : null}
      </td>
      <td class="number">{step}</td>
      <td class="number time" title={Number.isNaN(wallTime) ? '' : wallTimeText(wallTime, zone(wallTime))}>
        {Number.isNaN(wallTime) ? '' : durationText(wallTime - start)}
      </td>
    </tr>
  );
}

function zone(seconds: number): number {
  return -60 * (new Date(seconds * 1000).getTimezoneOffset() || 0);
}

/** Changes the order of the rows. */
export function OrderButton(): VNode {
  const isNearest = rowOrder.value === 'nearest';
  return (
    <button
      type="button"
      class="plain"
      title="The order of the values below charts"
      onClick={() => (rowOrder.value = isNearest ? 'value' : 'nearest')}
    >
      Rows: {isNearest ? 'nearest' : 'largest'} first
    </button>
  );
}
