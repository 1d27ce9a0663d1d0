/** Precision-recall curves of all runs at a step. */
import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ChartScene } from '../../model/chart-scene.ts';
import { exactText, shortText } from '../../model/exact-number.ts';
import { type PrCurve, prCurveOf, stepsOf, valueAt } from '../../model/media-values.ts';
import { runColour } from '../../model/run-colour.ts';
import { tagTitle } from '../../model/tag-groups.ts';
import { visibleText } from '../../model/visible-text.ts';
import { ChartFrame, type Pointed } from '../charts/chart-frame.ts';
import { paintNever, paintSoon } from '../charts/frame-queue.ts';
import { highlighted } from '../curves/curves-state.ts';
import { useInView } from '../curves/in-view.ts';
import { runNames, shownRuns } from '../curves/shown-runs.ts';
import { theme } from '../state/view.ts';
import { StepSlider } from './step-slider.tsx';
import { useValues } from './values.ts';

const MOST_VALUES = 100;

interface Shown {
  readonly run: string;
  readonly step: string;
  readonly curve: PrCurve;
}

/** The curves of a tag, with a slider over their steps. */
export function PrCurveCard({ tag }: { readonly tag: string }): VNode {
  const card = useRef<HTMLElement>(null);
  const isInView = useInView(card);
  const values = useValues(tag, shownRuns.value ?? [], isInView, MOST_VALUES);
  const place = useSignal<number | null>(null);
  const steps = useComputed(() => stepsOf(values.value.runs.values()));
  const step = useComputed(() => steps.value[Math.min(place.value ?? Number.POSITIVE_INFINITY, steps.value.length - 1)]);
  const shown = useComputed<readonly Shown[]>(() =>
    [...values.value.runs].flatMap(([run, own]) => {
      const value = step.value === undefined ? undefined : valueAt(own, step.value);
      const curve = value === undefined ? undefined : prCurveOf(value);
      return value === undefined || curve === undefined ? [] : [{ run, step: exactText(value.step), curve }];
    }),
  );
  const name = tagTitle(tag);
  return (
    <article ref={card} class="card" data-tag={tag}>
      <header>
        <h3 class="cut" title={name}>
          {name}
        </h3>
        <span class="card-note muted">{values.value.isLoading ? 'loading…' : ''}</span>
        <StepSlider steps={steps.value} place={place} />
      </header>
      <div class="card-body">{isInView ? <PrChart tag={tag} shown={shown} /> : null}</div>
    </article>
  );
}

function PrChart({ tag, shown }: { readonly tag: string; readonly shown: { readonly value: readonly Shown[] } }): VNode {
  const host = useRef<HTMLDivElement>(null);
  const frame = useRef<ChartFrame | undefined>(undefined);
  const size = useSignal({ width: 0, height: 0 });
  const pointed = useSignal<Pointed | null>(null);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width = 0, height = 0 } = entry?.contentRect ?? {};
      size.value = { width: Math.floor(width), height: Math.floor(height) };
    });
    if (host.current !== null) observer.observe(host.current);
    return () => {
      observer.disconnect();
      paintNever(size);
      frame.current?.close();
      frame.current = undefined;
    };
  }, []);
  useSignalEffect(() => {
    const [{ width, height }, curves, high, colours] = [size.value, shown.value, highlighted.value, theme.value];
    if (width === 0) return;
    paintSoon(size, () => {
      if (host.current === null) return;
      const scene = sceneOf(tag, curves, high, colours);
      const style = getComputedStyle(host.current);
      const look = { text: style.getPropertyValue('--ink-2'), grid: style.getPropertyValue('--line') };
      if (frame.current === undefined) {
        frame.current = new ChartFrame(
          host.current,
          width,
          height,
          scene,
          look,
          {
            zoomed: () => undefined,
            pointed: (at) => (pointed.value = at),
            clicked: () => undefined,
          },
          null,
        );
        return;
      }
      frame.current.resize(width, height);
      frame.current.show(scene, look);
    });
  });
  const at = pointed.value;
  return (
    <>
      <div ref={host} class="chart" role="img" aria-label={`Precision over recall of ${visibleText(tag)}`} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <section class="values" tabIndex={0} aria-label={`Values of ${visibleText(tag)}`} onMouseLeave={() => (highlighted.value = null)}>
        <table>
          <thead>
            <tr>
              <th scope="col">Run</th>
              <th scope="col" class="number">
                Step
              </th>
              <th scope="col" class="number">
                Recall
              </th>
              <th scope="col" class="number">
                Precision
              </th>
              <th scope="col" class="number">
                Threshold
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.value.map(({ run, step, curve }) => {
              const i = nearestRecall(curve, at?.x ?? 0.5);
              return (
                <tr key={run} class={highlighted.value === run ? 'is-high' : ''} onMouseEnter={() => (highlighted.value = run)}>
                  <td class="cut" title={visibleText(run)}>
                    <span class="chip" style={{ background: runColour(run, theme.value) }} />
                    {visibleText(runNames.value.get(run) ?? run)}
                  </td>
                  <td class="number">{step}</td>
                  <td class="number">{shortText(curve.recall[i] ?? Number.NaN)}</td>
                  <td class="number">{shortText(curve.precision[i] ?? Number.NaN)}</td>
                  <td class="number">{shortText(curve.threshold[i] ?? Number.NaN)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
    </>
  );
}

function nearestRecall({ recall }: PrCurve, x: number): number {
  let best = 0;
  recall.forEach((each, i) => {
    if (Math.abs(each - x) < Math.abs((recall[best] as number) - x)) best = i;
  });
  return best;
}

function sceneOf(tag: string, curves: readonly Shown[], high: string | null, colours: 'light' | 'dark'): ChartScene {
  return {
    title: visibleText(tag),
    xAxis: 'number',
    x: { kind: 'linear', range: [0, 1.02] },
    y: { kind: 'linear', range: [0, 1.05] },
    zone: 0,
    plots: curves.map(({ run, curve: { recall, precision } }) => ({
      plot: {
        id: run,
        x: recall,
        from: 0,
        y: precision,
        low: precision,
        high: precision,
        raw: undefined,
        marks: [],
        curve: undefined,
        isPreview: false,
      },
      label: visibleText(run),
      colour: runColour(run, colours),
      isHighlighted: run === high,
    })),
  };
}
