/** The view of one run. */
import type { VNode } from 'preact';
import { visibleText } from '../../model/visible-text.ts';
import { route } from '../state/view.ts';

/** Everything about a run. */
export function RunView(): VNode {
  const id = route.value.view === 'run' ? route.value.run : '';
  return <h1>{visibleText(id)}</h1>;
}
