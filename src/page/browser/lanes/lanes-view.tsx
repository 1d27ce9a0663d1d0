/** The Lanes view: how far each tracker is, and what is wrong. */
import type { VNode } from 'preact';
import { visibleText } from '../../model/visible-text.ts';
import { lanesNow } from '../api/live.ts';

/** All lanes. */
export function LanesView(): VNode {
  const lanes = lanesNow.value;
  if (lanes === undefined) return <div class="note">Loading…</div>;
  return (
    <ul>
      {lanes.map(({ name, where, state }) => (
        <li key={`${name} ${where}`}>
          {visibleText(name)} {visibleText(where)} {state}
        </li>
      ))}
    </ul>
  );
}
