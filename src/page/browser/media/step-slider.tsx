import type { Signal } from '@preact/signals';
import type { VNode } from 'preact';
import { exactText } from '../../model/exact-number.ts';

interface Props {
  readonly steps: readonly number[];
  /** The place in the list of steps; null is the last one, also when there are more. */
  readonly place: Signal<number | null>;
}

/** A slider over steps. */
export function StepSlider({ steps, place }: Props): VNode {
  const at = Math.min(place.value ?? Number.POSITIVE_INFINITY, steps.length - 1);
  const step = steps[at];
  return (
    <>
      {steps.length > 1 ? (
        <label class="step-slider">
          Step{' '}
          <input
            type="range"
            min={0}
            max={steps.length - 1}
            value={at}
            aria-valuetext={`step ${step}`}
            onInput={(event) => {
              const next = Number(event.currentTarget.value);
              place.value = next === steps.length - 1 ? null : next;
            }}
          />
        </label>
      ) : null}
      <output class="step-number">{step === undefined ? '' : `${steps.length > 1 ? '' : 'step '}${exactText(step)}`}</output>
    </>
  );
}
