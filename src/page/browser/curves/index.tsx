import type { VNode } from 'preact';
import { selectedRuns } from '../state/view.ts';

/** Charts of the chosen runs. */
export function CurvesView(): VNode {
  return <div class="note">{selectedRuns.value.length} runs chosen.</div>;
}
