/** A row of the table of runs. */
import type { VNode } from 'preact';
import { type Column, paramText } from '../../model/columns.ts';
import { runColour } from '../../model/run-colour.ts';
import { byteSize, clockTime, shortNumber } from '../../model/short-text.ts';
import { visibleText } from '../../model/visible-text.ts';
import type { Run } from '../api/answers.ts';
import { selectedSet, theme } from '../state/view.ts';
import { linkTo } from '../state/view-url.ts';
import type { Row } from './group-rows.ts';
import { LaneBadges } from './lane-badges.tsx';

interface Props {
  readonly index: number;
  readonly top: number;
  /** Undefined until it is fetched. */
  readonly row: Row | undefined;
  readonly columns: readonly Column[];
  readonly hasLanes: boolean;
  readonly isNarrow: boolean;
  readonly isCursor: boolean;
  readonly onToggle: (index: number, isRange: boolean) => void;
  readonly onOnly: (index: number) => void;
  readonly onOpen: (index: number) => void;
}

/** A run, the head of a group, or a place for a run that is not here yet. */
export function RunRow(props: Props): VNode {
  const { index, top, row, isCursor, onToggle } = props;
  const chosen = selectedSet.value;
  const isChosen = row?.kind === 'run' ? chosen.has(row.run.id) : row?.kind === 'group' && row.runs.every(({ id }) => chosen.has(id));
  const clicked = (event: MouseEvent): void => {
    if (!(event.target instanceof Element) || event.target.closest('a, button') !== null) return;
    onToggle(index, event.shiftKey);
  };
  return (
    <div
      id={`run-row-${index}`}
      class={`run-row ${row?.kind ?? 'empty'} ${isChosen ? 'chosen' : ''} ${isCursor ? 'cursor' : ''}`}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isChosen}
      style={{ transform: `translateY(${top}px)` }}
      onClick={clicked}
      onMouseDown={(event) => {
        // Shift would mark text.
        if (event.shiftKey) event.preventDefault();
      }}
    >
      {row === undefined ? <Empty /> : row.kind === 'group' ? <GroupCells {...props} row={row} /> : <RunCells {...props} run={row.run} />}
    </div>
  );
}

function Empty(): VNode {
  return (
    <div class="cell" role="gridcell">
      <span class="muted">…</span>
    </div>
  );
}

function GroupCells({ index, row, onOpen, onOnly }: Props & { readonly row: Row & { kind: 'group' } }): VNode {
  return (
    <div class="cell name" role="gridcell">
      <span class="box" aria-hidden="true" />
      <button type="button" class="plain" aria-expanded={row.isOpen} tabIndex={-1} onClick={() => onOpen(index)}>
        {row.isOpen ? '▾' : '▸'} <span class="group-name">{visibleText(row.name)}</span>
      </button>
      <span class="muted">{row.runs.length}</span>
      <button type="button" class="only plain" tabIndex={-1} onClick={() => onOnly(index)}>
        only
      </button>
    </div>
  );
}

function RunCells({ index, run, columns, hasLanes, isNarrow, onOnly }: Props & { readonly run: Run }): VNode {
  const name = visibleText(run.id);
  // The last part tells runs apart: it is cut last.
  const slash = name.lastIndexOf('/') + 1;
  return (
    <>
      <div class="cell name" role="gridcell" title={name}>
        <span class="box" aria-hidden="true" />
        <span class="colour" style={{ background: runColour(run.id, theme.value) }} />
        <a class="run-name" href={linkTo({ route: { view: 'run', run: run.id } })} tabIndex={-1}>
          <span class="folder cut">{name.slice(0, slash)}</span>
          <span class="cut">{name.slice(slash)}</span>
        </a>
        {run.damaged ? (
          <span class="warn" role="img" aria-label="part of its files cannot be read" title="Part of its files cannot be read">
            ⚠
          </span>
        ) : null}
        {run.visibility === 'hidden' || run.visibility === 'archived' ? <span class="badge">{run.visibility}</span> : null}
        <button type="button" class="only plain" tabIndex={-1} title="Choose only this run (o)" onClick={() => onOnly(index)}>
          only
        </button>
      </div>
      {columns.map((column) => {
        const { text, full } = cellText(run, column);
        return (
          <div key={column.key} class={`cell ${column.kind}`} role="gridcell" title={full}>
            <span class="cut">{text}</span>
          </div>
        );
      })}
      {hasLanes && !isNarrow ? (
        <div class="cell lanes" role="gridcell">
          <LaneBadges lanes={run.lanes ?? []} />
        </div>
      ) : null}
    </>
  );
}

/** The text of a cell, and all of it for who points at it. */
function cellText(run: Run, { key, kind, name = '', of = 'last' }: Column): { readonly text: string; readonly full: string } {
  if (kind === 'param') {
    const text = Object.hasOwn(run.params, name) ? paramText(run.params[name]) : '';
    return { text: visibleText(text, 100), full: visibleText(text) };
  }
  if (kind === 'metric') {
    const metric = Object.hasOwn(run.metrics, name) ? run.metrics[name] : undefined;
    const value = metric?.[of];
    return { text: shortNumber(value), full: value === undefined || value === null ? '' : String(value) };
  }
  const value = run[key as 'points' | 'last_step' | 'last_wall_time'];
  const text = kind === 'time' ? clockTime(value) : kind === 'bytes' ? byteSize(Number(value)) : shortNumber(value);
  return { text, full: kind === 'time' ? text : String(value ?? '') };
}
