import type { Style } from './style.ts';
import { visibleText } from './visible-text.ts';

/** Returns the last line of a report: a command to copy, and so whole on any terminal. */
export function nextLine(command: string, style: Style): string {
  return `${style.bold('Next:')} ${visibleText(command, { whole: true })}`;
}
