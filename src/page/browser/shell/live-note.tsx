import { signal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import { ago } from '../../model/short-text.ts';
import { heardAtMs, isPaused, type LiveState, liveState } from '../api/live.ts';

const WORDS: Readonly<Record<LiveState, string>> = {
  connecting: 'connecting',
  live: 'live',
  asking: 'live',
  paused: 'paused',
  lost: 'no answer',
};

/** The time for texts such as `3 s ago`, once a second. */
export const nowMs = signal(Date.now());
setInterval(() => {
  if (!document.hidden) nowMs.value = Date.now();
}, 1000);

/** Says how fresh the page is, and stops it on request. */
export function LiveNote(): VNode {
  const state = liveState.value;
  useEffect(() => {
    nowMs.value = Date.now();
  }, [state]);
  const when = heardAtMs.value === 0 ? '' : ago(heardAtMs.value, nowMs.value);
  return (
    <span class="live">
      <span class={`dot ${state}`} />
      <span class="live-word">{WORDS[state]}</span>
      <span class="live-when">{when}</span>
      <button type="button" class="plain" aria-pressed={isPaused.value} onClick={() => (isPaused.value = !isPaused.value)}>
        {isPaused.value ? 'Follow' : 'Pause'}
      </button>
    </span>
  );
}
