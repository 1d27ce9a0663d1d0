/** Keyboard shortcuts. A view adds its own while it is shown, and the help lists what is there. */
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

/** What a key does. */
export interface Shortcut {
  /** As `KeyboardEvent.key`, such as `j`, `/` or `ArrowDown`; more than one with a space between. */
  readonly keys: string;
  /** What the help says; without it, the help does not list the keys. */
  readonly does?: string;
  readonly run: (event: KeyboardEvent) => void;
}

/** All that hold now, the newest first. */
export const shortcuts = signal<readonly (readonly Shortcut[])[]>([]);

/** Adds shortcuts; returns what removes them. */
export function addShortcuts(list: readonly Shortcut[]): () => void {
  shortcuts.value = [list, ...shortcuts.peek()];
  return () => {
    shortcuts.value = shortcuts.peek().filter((one) => one !== list);
  };
}

/** Adds shortcuts while a component is shown. The latest functions run, whatever was given at first. */
export function useShortcuts(list: readonly Shortcut[]): void {
  const latest = useRef(list);
  latest.current = list;
  useEffect(
    () => addShortcuts(list.map((one, i) => ({ ...one, run: (event: KeyboardEvent) => latest.current[i]?.run(event) }))),
    [list.map(({ keys }) => keys).join('|')],
  );
}

/** Elements in which letters are text. */
function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'range', 'button'].includes(target.type);
}

/** Begins to listen to the keyboard. */
export function startShortcuts(): void {
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (isTyping(event.target)) {
      if (event.key === 'Escape') (event.target as HTMLElement).blur();
      return;
    }
    if (document.querySelector('dialog[open]') !== null) return;
    // Space and Enter press the button that has the focus.
    const isOnControl = event.target instanceof HTMLElement && event.target.closest('button, a, summary, input, [role=slider]') !== null;
    if (isOnControl && (event.key === ' ' || event.key === 'Enter' || event.key.startsWith('Arrow'))) return;
    for (const list of shortcuts.peek()) {
      const found = list.find(({ keys }) => keys.split(' ').includes(event.key === ' ' ? 'Space' : event.key));
      if (found === undefined) continue;
      event.preventDefault();
      found.run(event);
      return;
    }
  });
}
