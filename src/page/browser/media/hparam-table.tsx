import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import type { AxisValue } from '../../model/parallel-axes.ts';
import { parallelAxis } from '../../model/parallel-axes.ts';
import { runColour } from '../../model/run-colour.ts';
import { visibleText } from '../../model/visible-text.ts';
import { highlighted } from '../curves/curves-state.ts';
import { theme } from '../state/view.ts';
import { linkTo } from '../state/view-url.ts';
import { type HparamColumn, type HparamRun, hparamText, ranges } from './hparams.tsx';

interface Props {
  readonly columns: readonly HparamColumn[];
  readonly runs: readonly HparamRun[];
}

/** The most rows: the table is for comparing, the view of runs for searching. */
const MOST_ROWS = 500;

/** Returns the runs that are in the range of every axis. */
export function inRanges({ columns, runs }: Props): readonly HparamRun[] {
  const axes = columns.flatMap(({ key, name }) => {
    const range = ranges.value.get(key);
    return range === undefined
      ? []
      : [
          {
            key,
            range,
            axis: parallelAxis(
              name,
              runs.map(({ values }) => values[key]),
            ),
          },
        ];
  });
  return runs.filter(({ values }) =>
    axes.every(({ key, range: [low, high], axis }) => {
      const place = axis.place(values[key]);
      return place !== undefined && place >= low && place <= high;
    }),
  );
}

/** A table of runs that can be sorted by each column. */
export function HparamTable({ columns, runs }: Props): VNode {
  const order = useSignal<{ readonly key: string; readonly isDown: boolean }>({ key: '', isDown: false });
  const { key, isDown } = order.value;
  const shown = [...inRanges({ columns, runs })].sort((a, b) => compare(a, b, key) * (isDown ? -1 : 1));
  const click = (by: string): void => {
    order.value = { key: by, isDown: key === by ? !isDown : false };
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
    <section class="hparam-table" tabIndex={0} aria-label="Hyperparameters of runs">
      <table>
        <thead>
          <tr>
            <Head name="Run" isSorted={key === ''} isDown={isDown} click={() => click('')} />
            {columns.map((column) => (
              <Head key={column.key} name={column.name} isSorted={key === column.key} isDown={isDown} click={() => click(column.key)} />
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.slice(0, MOST_ROWS).map(({ id, values }) => (
            <tr key={id} class={highlighted.value === id ? 'is-high' : ''} onMouseEnter={() => (highlighted.value = id)}>
              <td class="cut">
                <span class="chip" style={{ background: runColour(id, theme.value) }} />
                <a href={linkTo({ route: { view: 'run', run: id } })}>{visibleText(id)}</a>
              </td>
              {columns.map((column) => (
                <td key={column.key} class={typeof values[column.key] === 'number' ? 'number' : 'cut'}>
                  {hparamText(values[column.key])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length > MOST_ROWS ? <p class="muted">{shown.length - MOST_ROWS} more runs</p> : null}
    </section>
  );
}

interface HeadProps {
  readonly name: string;
  readonly isSorted: boolean;
  readonly isDown: boolean;
  readonly click: () => void;
}

function Head({ name, isSorted, isDown, click }: HeadProps): VNode {
  return (
    <th scope="col" aria-sort={isSorted ? (isDown ? 'descending' : 'ascending') : 'none'}>
      <button type="button" class="plain" onClick={click}>
        {visibleText(name)} {isSorted ? (isDown ? '↓' : '↑') : ''}
      </button>
    </th>
  );
}

const collator = new Intl.Collator('en', { numeric: true });

function compare(a: HparamRun, b: HparamRun, key: string): number {
  if (key === '') return collator.compare(a.id, b.id);
  return compareValues(a.values[key], b.values[key]) || collator.compare(a.id, b.id);
}

function compareValues(a: AxisValue, b: AxisValue): number {
  const [hasA, hasB] = [a !== undefined && a !== null, b !== undefined && b !== null];
  if (!hasA || !hasB) return Number(hasB) - Number(hasA);
  if (typeof a === 'number' && typeof b === 'number') return a - b || 0;
  return collator.compare(String(a), String(b));
}
