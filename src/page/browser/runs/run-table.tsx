/** The table of runs: as many rows as are in view, whatever the number of runs. */
import { signal, useSignalEffect } from '@preact/signals';
import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';
import { type Column, nextOrder } from '../../model/columns.ts';
import { visibleText } from '../../model/visible-text.ts';
import { showRow, useRowRange } from '../shell/virtual-list.ts';
import { useShortcuts } from '../state/keys.ts';
import { route, selectedRuns, selectedSet, selectRuns, setTable, table } from '../state/view.ts';
import type { Row } from './group-rows.ts';
import { MOST_LANE_NAME } from './lane-badges.tsx';
import { RunRow } from './run-row.tsx';
import { closedGroups, columns, groupedRows, list, startRuns } from './runs-state.ts';

/** The height of a row, as in the styles. */
const ROW_PX = 30;
const HEAD_PX = 32;

/** The row of the keyboard. */
const cursor = signal(0);
/** Where a range of rows begins. */
let anchor = 0;

const WIDTHS: Readonly<Record<Column['kind'], string>> = {
  count: '7.5em',
  bytes: '7.5em',
  step: '8em',
  time: '13em',
  metric: 'minmax(7em, 10em)',
  param: 'minmax(6em, 12em)',
};

function rowAt(i: number): Row | undefined {
  const rows = groupedRows.value;
  if (rows !== undefined) return rows[i];
  const run = list.value.at(i);
  return run === undefined ? undefined : { kind: 'run', run };
}

function count(): number {
  return groupedRows.value?.length ?? list.value.total.value ?? 0;
}

function idsBetween(a: number, b: number): string[] {
  const ids: string[] = [];
  for (let i = Math.min(a, b); i <= Math.max(a, b); i++) {
    const row = rowAt(i);
    if (row?.kind === 'run') ids.push(row.run.id);
  }
  return ids;
}

function toggle(i: number, isRange: boolean): void {
  const row = rowAt(i);
  if (row === undefined) return;
  const chosen = new Set(selectedRuns.peek());
  const ids = isRange ? idsBetween(anchor, i) : row.kind === 'run' ? [row.run.id] : row.runs.map(({ id }) => id);
  const isOff = !isRange && ids.every((id) => chosen.has(id));
  for (const id of ids) {
    if (isOff) chosen.delete(id);
    else chosen.add(id);
  }
  if (!isRange) anchor = i;
  cursor.value = i;
  selectRuns(chosen);
}

function selectOnly(i: number): void {
  const row = rowAt(i);
  if (row === undefined) return;
  anchor = i;
  cursor.value = i;
  selectRuns(row.kind === 'run' ? [row.run.id] : row.runs.map(({ id }) => id));
}

function open(i: number): void {
  const row = rowAt(i);
  if (row?.kind === 'run') route.value = { view: 'run', run: row.run.id };
  else if (row !== undefined) setOpen(row.name, !row.isOpen);
}

function setOpen(name: string, isOpen: boolean): void {
  const closed = new Set(closedGroups.peek());
  if (isOpen) closed.delete(name);
  else closed.add(name);
  closedGroups.value = closed;
}

interface Props {
  /** True for a narrow list of names, next to something else. */
  readonly isNarrow?: boolean;
}

/** The table of runs. */
export function RunTable({ isNarrow = false }: Props): VNode {
  startRuns();
  const box = useRef<HTMLDivElement>(null);
  const total = count();
  const { from, to } = useRowRange(box, ROW_PX, total);
  const shown = isNarrow ? [] : columns.value;
  const laneNames = isNarrow || list.value.version.value < 0 ? [] : namesOfLanes();
  const hasLanes = laneNames.length > 0;
  useSignalEffect(() => {
    // A new listing begins at its first row.
    list.value;
    cursor.value = 0;
    anchor = 0;
    if (box.current !== null) box.current.scrollTop = 0;
  });
  if (groupedRows.value === undefined) queueMicrotask(() => list.peek().show(from, to));

  const move = (by: number, isRange: boolean): void => {
    const before = cursor.peek();
    const next = Math.max(0, Math.min(count() - 1, before + by));
    if (isRange) {
      if (!selectedSet.peek().has(idsBetween(before, before)[0] ?? '')) anchor = before;
      cursor.value = next;
      selectRuns([...selectedRuns.peek(), ...idsBetween(anchor, next)]);
    } else cursor.value = next;
    if (box.current === null) return;
    showRow(box.current, next, ROW_PX, isNarrow ? 0 : HEAD_PX);
    box.current.focus({ preventScroll: true });
  };
  const pageRows = (): number => Math.max(1, Math.floor((box.current?.clientHeight ?? 0) / ROW_PX) - 2);
  useShortcuts([
    { keys: 'j ArrowDown', does: 'next run', run: (event) => move(1, event.shiftKey) },
    { keys: 'k ArrowUp', does: 'previous run', run: (event) => move(-1, event.shiftKey) },
    { keys: 'J', does: 'choose down to the next run', run: () => move(1, true) },
    { keys: 'K', does: 'choose up to the previous run', run: () => move(-1, true) },
    { keys: 'x Space', does: 'choose the run, or not', run: () => toggle(cursor.peek(), false) },
    { keys: 'X', does: 'choose all runs from the last chosen one', run: () => toggle(cursor.peek(), true) },
    { keys: 'o', does: 'choose only this run', run: () => selectOnly(cursor.peek()) },
    { keys: 'Enter', does: 'open the run', run: () => open(cursor.peek()) },
    { keys: 'PageDown', run: () => move(pageRows(), false) },
    { keys: 'PageUp', run: () => move(-pageRows(), false) },
    { keys: 'Home g', does: 'first run', run: () => move(-count(), false) },
    { keys: 'End G', does: 'last run', run: () => move(count(), false) },
  ]);

  const rows: VNode[] = [];
  for (let i = from; i < to; i++) {
    rows.push(
      <RunRow
        key={i}
        index={i}
        top={i * ROW_PX}
        row={rowAt(i)}
        columns={shown}
        hasLanes={hasLanes}
        isNarrow={isNarrow}
        isCursor={cursor.value === i}
        onToggle={toggle}
        onOnly={selectOnly}
        onOpen={open}
      />,
    );
  }
  const template = ['minmax(14em, 1fr)', ...shown.map(({ kind }) => WIDTHS[kind]), ...(hasLanes ? [lanesWidth(laneNames)] : [])];
  return (
    <div
      ref={box}
      class={`run-table ${isNarrow ? 'narrow' : ''}`}
      role="grid"
      tabIndex={0}
      aria-label="Runs"
      aria-multiselectable="true"
      aria-rowcount={total + 1}
      aria-activedescendant={total > 0 ? `run-row-${cursor.value}` : undefined}
      style={{ '--columns': template.join(' ') }}
    >
      {isNarrow ? null : <Head columns={shown} hasLanes={hasLanes} />}
      <div class="run-rows" role="rowgroup" style={{ height: `${total * ROW_PX}px` }}>
        {rows}
      </div>
    </div>
  );
}

function namesOfLanes(): readonly string[] {
  for (const { lanes } of list.value.runs()) return lanes?.map(({ name }) => name) ?? [];
  return [];
}

/** The same for all rows: each row is a grid of its own. */
function lanesWidth(names: readonly string[]): string {
  const signs = names.reduce((sum, name) => sum + Math.min(name.length, MOST_LANE_NAME), 0);
  return `${(signs * 0.55 + names.length * 2.9 + 1.6).toFixed(1)}em`;
}

function Head({ columns: shown, hasLanes }: { readonly columns: readonly Column[]; readonly hasLanes: boolean }): VNode {
  return (
    <div class="run-head" role="rowgroup">
      <div class="run-row head" role="row" aria-rowindex={1}>
        <HeadCell column={{ key: 'run', title: 'Run', kind: 'param', canSort: true }} />
        {shown.map((column) => (
          <HeadCell key={column.key} column={column} />
        ))}
        {hasLanes ? <HeadCell column={{ key: 'lanes', title: 'Lanes', kind: 'param', canSort: false }} /> : null}
      </div>
    </div>
  );
}

function HeadCell({ column }: { readonly column: Column }): VNode {
  const { order } = table.value;
  const { key, title, kind, canSort } = column;
  const sort = order === key ? 'ascending' : order === `-${key}` ? 'descending' : 'none';
  const name = visibleText(title);
  return (
    <div class={`cell ${kind}`} role="columnheader" aria-sort={canSort ? sort : undefined} title={name}>
      {canSort ? (
        <button type="button" onClick={() => setTable({ order: nextOrder(order, column) })}>
          <span class="cut">{name}</span>
          <span class="sort" aria-hidden="true">
            {sort === 'ascending' ? '▲' : sort === 'descending' ? '▼' : ''}
          </span>
        </button>
      ) : (
        <span class="cut">{name}</span>
      )}
    </div>
  );
}
