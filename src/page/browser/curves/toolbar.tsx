/** How all charts draw. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { type AxisScale, type ChartSettings, MOST_SMOOTHING } from '../../model/chart-settings.ts';
import { groupRule } from '../../model/grouping.ts';
import { tagPattern } from '../../model/tag-groups.ts';
import { visibleText } from '../../model/visible-text.ts';
import { useShortcuts } from '../state/keys.ts';
import { chartSettings, setCharts } from '../state/view.ts';
import { isLinked, resetZoom } from './curves-state.ts';
import { OrderButton } from './value-table.tsx';

const SCALES: readonly AxisScale[] = ['linear', 'log', 'arcsinh'];

/** The controls of the charts. */
export function Toolbar(): VNode {
  const settings = chartSettings.value;
  const number = useRef<HTMLInputElement>(null);
  // Narrow screens have room for charts or for all of their settings. Wide ones show these whatever this says.
  const [isOpen, setOpen] = useState(false);
  useShortcuts([
    { keys: 's', does: 'type the smoothing', run: () => selectIn(number, () => setOpen(true)) },
    { keys: 'l', does: 'next scale of the y axis', run: () => setCharts({ yScale: nextScale(chartSettings.peek().yScale) }) },
    { keys: 'r', does: 'show all of the x axis', run: resetZoom },
  ]);
  return (
    <>
      <button type="button" class="toolbar-opener" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? '▾' : '▸'} Settings
      </button>
      <div class={`toolbar${isOpen ? ' is-open' : ''}`} role="group" aria-label="How charts draw">
        <Smoothing input={number} />
        <Choice
          name="x"
          title="What the x axis shows"
          value={settings.x}
          options={{ step: 'step', wall: 'wall time', relative: 'relative time' }}
          change={(x) => setCharts({ x, xRange: null })}
        />
        <Choice
          name="x scale"
          title="The scale of the x axis"
          value={settings.xScale}
          options={named(SCALES)}
          change={(xScale) => setCharts({ xScale })}
        />
        <Choice
          name="y scale"
          title="The scale of the y axis (l)"
          value={settings.yScale}
          options={named(SCALES)}
          change={(yScale) => setCharts({ yScale })}
        />
        <label title="Leave the outermost twentieth of the values out of the y axis">
          <input
            type="checkbox"
            checked={settings.ignoreOutliers}
            onChange={(event) => setCharts({ ignoreOutliers: event.currentTarget.checked })}
          />{' '}
          Ignore outliers
        </label>
        <label title="A zoom of one chart is a zoom of all">
          <input type="checkbox" checked={isLinked.value} onChange={(event) => (isLinked.value = event.currentTarget.checked)} /> Link x
        </label>
        <Choice
          name="Restarts"
          title="Which points of a restarted run are shown"
          value={settings.shown}
          options={{ tensorboard: 'as TensorBoard', python: "as TensorBoard's Python", all: 'all points' }}
          change={(shown) => setCharts({ shown })}
        />
        <Seeds />
        <OrderButton />
        {settings.xRange === null ? null : (
          <button type="button" onClick={resetZoom}>
            Reset zoom
          </button>
        )}
      </div>
    </>
  );
}

/** Selects the text of an input. `open` shows it if it is hidden. */
function selectIn({ current }: { readonly current: HTMLInputElement | null }, open: () => void): void {
  current?.select();
  if (document.activeElement === current) return;
  open();
  requestAnimationFrame(() => current?.select());
}

function nextScale(scale: AxisScale): AxisScale {
  return SCALES[(SCALES.indexOf(scale) + 1) % SCALES.length] ?? 'linear';
}

function named<Word extends string>(words: readonly Word[]): Record<Word, string> {
  return Object.fromEntries(words.map((word) => [word, word])) as unknown as Record<Word, string>;
}

interface ChoiceProps<Word extends string> {
  readonly name: string;
  readonly title: string;
  readonly value: Word;
  readonly options: Readonly<Record<Word, string>>;
  readonly change: (word: Word) => void;
}

function Choice<Word extends string>({ name, title, value, options, change }: ChoiceProps<Word>): VNode {
  return (
    <label title={title}>
      {name}{' '}
      <select value={value} onChange={(event) => change(event.currentTarget.value as Word)}>
        {Object.entries<string>(options).map(([word, text]) => (
          <option key={word} value={word}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The slider goes by the logarithm of what is left: 0.9, 0.99 and 0.999 are at equal distances. */
function sliderOf(smoothing: number): number {
  return Math.log(1 - smoothing) / Math.log(1 - MOST_SMOOTHING);
}

function smoothingOf(slider: number): number {
  return Number(Math.min(MOST_SMOOTHING, 1 - (1 - MOST_SMOOTHING) ** slider).toFixed(4));
}

function Smoothing({ input }: { readonly input: { current: HTMLInputElement | null } }): VNode {
  const { smoothing } = chartSettings.value;
  return (
    <span class="smoothing">
      <label title="The weight of the points before (s)">
        Smoothing{' '}
        <input
          type="range"
          min={0}
          max={1}
          step={0.005}
          aria-label="Smoothing, by a slider"
          aria-valuetext={String(smoothing)}
          value={sliderOf(smoothing)}
          onInput={(event) => setCharts({ smoothing: smoothingOf(Number(event.currentTarget.value)) })}
        />
      </label>
      <input
        ref={input}
        type="number"
        min={0}
        max={MOST_SMOOTHING}
        step="any"
        aria-label="Smoothing, as a number"
        value={smoothing}
        onChange={(event) => {
          const value = Number(event.currentTarget.value);
          if (value >= 0 && value <= MOST_SMOOTHING) setCharts({ smoothing: value });
          else event.currentTarget.value = String(chartSettings.peek().smoothing);
        }}
      />
    </span>
  );
}

function Seeds(): VNode {
  const { groupBy } = chartSettings.value;
  const rule = groupRule(groupBy);
  const problem = rule === undefined || typeof rule === 'function' ? '' : rule.why;
  return (
    <label title="Draw the mean and range of runs with the same match of a regular expression, or the same param">
      Group{' '}
      <input
        type="text"
        class="group-by"
        placeholder="regex or param:NAME"
        spellcheck={false}
        autocomplete="off"
        value={groupBy}
        aria-invalid={problem !== ''}
        onChange={(event) => setCharts({ groupBy: event.currentTarget.value })}
      />
      {problem === '' ? null : (
        <span class="problem" role="alert">
          {visibleText(problem)}
        </span>
      )}
    </label>
  );
}

const TYPING_MS = 150;

/** The filter of tags. */
export function TagFilter(): VNode {
  const input = useRef<HTMLInputElement>(null);
  const problem = useSignal('');
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useShortcuts([{ keys: 't', does: 'filter tags', run: () => input.current?.select() }]);
  const type = (text: string): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      const pattern = tagPattern(text);
      problem.value = 'problem' in pattern ? pattern.problem : '';
      if (problem.value === '') setCharts({ tagFilter: text } satisfies Partial<ChartSettings>);
    }, TYPING_MS);
  };
  return (
    <span class="tag-filter">
      <input
        ref={input}
        type="search"
        placeholder="Filter tags by regex (t)"
        aria-label="Filter tags by a regular expression"
        spellcheck={false}
        autocomplete="off"
        value={chartSettings.value.tagFilter}
        aria-invalid={problem.value !== ''}
        onInput={(event) => type(event.currentTarget.value)}
      />
      {problem.value === '' ? null : (
        <span class="problem" role="alert">
          {visibleText(problem.value)}
        </span>
      )}
    </span>
  );
}
