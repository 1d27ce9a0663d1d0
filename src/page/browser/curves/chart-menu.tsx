/** What can be set and downloaded for one chart. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ChartScene } from '../../model/chart-scene.ts';
import { visibleText } from '../../model/visible-text.ts';
import { sayProblem } from '../shell/messages.tsx';
import { chartSettings, theme } from '../state/view.ts';
import { cardSettings, setCard } from './curves-state.ts';
import { downloadPng, downloadPoints, downloadSvg } from './downloads.ts';
import { shownRuns } from './shown-runs.ts';

interface Props {
  readonly tag: string;
  readonly scene: () => ChartScene | undefined;
}

/** A menu that opens at a button. */
export function ChartMenu({ tag, scene }: Props): VNode {
  const box = useRef<HTMLDetailsElement>(null);
  const isOpen = useSignal(false);
  useEffect(() => {
    const close = (event: Event): void => {
      if (box.current?.open === true && event.target instanceof Node && !box.current.contains(event.target)) box.current.open = false;
    };
    const leave = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || box.current?.open !== true) return;
      box.current.open = false;
      box.current.querySelector('summary')?.focus();
      event.stopPropagation();
    };
    const element = box.current;
    document.addEventListener('click', close);
    element?.addEventListener('keydown', leave);
    return () => {
      document.removeEventListener('click', close);
      element?.removeEventListener('keydown', leave);
    };
  }, []);
  return (
    <details ref={box} class="menu" onToggle={() => (isOpen.value = box.current?.open === true)}>
      <summary class="button plain" role="button" aria-label={`More for ${visibleText(tag)}`} title="Axis and downloads">
        ⋯
      </summary>
      {isOpen.value ? <MenuContent tag={tag} scene={scene} /> : null}
    </details>
  );
}

function MenuContent({ tag, scene }: Props): VNode {
  const { low, high, withZero } = cardSettings(tag);
  const isBusy = useSignal(false);
  const points = (format: 'csv' | 'json'): void => {
    isBusy.value = true;
    downloadPoints(format, tag, shownRuns.peek() ?? [], chartSettings.peek().shown)
      .catch(sayProblem)
      .finally(() => (isBusy.value = false));
  };
  const picture = (save: (scene: ChartScene) => void | Promise<void>): void => {
    const now = scene();
    if (now !== undefined) Promise.resolve(save(now)).catch(sayProblem);
  };
  return (
    <div class="menu-list chart-menu">
      <EndField name="y from" value={low} change={(end) => setCard(tag, { ...cardSettings(tag), ...without('low', end) })} />
      <EndField name="y to" value={high} change={(end) => setCard(tag, { ...cardSettings(tag), ...without('high', end) })} />
      <label>
        <input type="checkbox" checked={withZero} onChange={(event) => setCard(tag, { withZero: event.currentTarget.checked })} /> Include
        zero
      </label>
      <hr />
      <button type="button" class="plain" disabled={isBusy.value} onClick={() => points('csv')}>
        Every point as CSV
      </button>
      <button type="button" class="plain" disabled={isBusy.value} onClick={() => points('json')}>
        Every point as JSON
      </button>
      <button type="button" class="plain" onClick={() => picture((now) => downloadSvg(tag, now, theme.peek()))}>
        Picture as SVG
      </button>
      <button type="button" class="plain" onClick={() => picture((now) => downloadPng(tag, now, theme.peek()))}>
        Picture as PNG
      </button>
    </div>
  );
}

interface FieldProps {
  readonly name: string;
  readonly value: number | undefined;
  readonly change: (end: number | undefined) => void;
}

/** An end of an axis: a number, or nothing for one that fits. */
function EndField({ name, value, change }: FieldProps): VNode {
  const isWrong = useSignal(false);
  return (
    <label>
      {name}{' '}
      <input
        type="text"
        inputMode="decimal"
        placeholder="fits"
        value={value ?? ''}
        aria-invalid={isWrong.value}
        onChange={(event) => {
          const text = event.currentTarget.value.trim();
          const end = Number(text);
          isWrong.value = text !== '' && !Number.isFinite(end);
          if (!isWrong.value) change(text === '' ? undefined : end);
        }}
      />
    </label>
  );
}

function without(name: 'low' | 'high', end: number | undefined): { readonly low?: number; readonly high?: number } {
  return { [name]: end };
}
