import { signal } from '@preact/signals';
import type { VNode } from 'preact';
import { shortcuts } from '../state/keys.ts';
import { Dialog } from './dialog.tsx';

/** True while the list of shortcuts is shown. */
export const isHelpOpen = signal(false);

/** The list of shortcuts that hold now. */
export function Help(): VNode {
  return (
    <Dialog title="Keyboard shortcuts" open={isHelpOpen}>
      <dl class="keys">
        {shortcuts.value.flat().map(({ keys, does }) =>
          does === undefined ? null : (
            <div key={keys}>
              <dt>
                {keys.split(' ').map((key) => (
                  <kbd key={key}>{NAMES[key] ?? key}</kbd>
                ))}
              </dt>
              <dd>{does}</dd>
            </div>
          ),
        )}
      </dl>
    </Dialog>
  );
}

const NAMES: Readonly<Record<string, string>> = { ArrowDown: '↓', ArrowUp: '↑', ArrowLeft: '←', ArrowRight: '→', Escape: 'Esc' };
