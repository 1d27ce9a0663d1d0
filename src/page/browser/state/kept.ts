/** Keeps texts in the browser, where it allows that: a visitor may forbid it, and then even a look throws. */

/** `tab`: until the tab is closed. `person`: for all tabs, for good. */
export type Keeper = 'tab' | 'person';

function storeOf(keeper: Keeper): Storage {
  return keeper === 'tab' ? sessionStorage : localStorage;
}

/** Returns a kept text; null if there is none. */
export function keptText(keeper: Keeper, name: string): string | null {
  try {
    return storeOf(keeper).getItem(name);
  } catch {
    return null;
  }
}

/** Keeps a text, if the browser allows it. */
export function keepText(keeper: Keeper, name: string, text: string): void {
  try {
    storeOf(keeper).setItem(name, text);
  } catch {
    // It holds until the page is loaded again.
  }
}
