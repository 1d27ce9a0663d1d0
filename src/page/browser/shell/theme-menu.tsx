import type { VNode } from 'preact';
import type { Theme } from '../../model/run-colour.ts';
import { chooseTheme, themeChoice } from '../state/view.ts';

const CHOICES: readonly { readonly choice: Theme | 'system'; readonly name: string }[] = [
  { choice: 'system', name: 'System' },
  { choice: 'light', name: 'Light' },
  { choice: 'dark', name: 'Dark' },
];

/** The choice of colours. */
export function ThemeMenu(): VNode {
  return (
    <select
      class="plain"
      aria-label="Colors"
      value={themeChoice.value}
      onChange={(event) => chooseTheme(event.currentTarget.value as Theme | 'system')}
    >
      {CHOICES.map(({ choice, name }) => (
        <option key={choice} value={choice}>
          {name}
        </option>
      ))}
    </select>
  );
}
