import { visibleText } from './visible-text.ts';

/** What an operator should know of a lane, in one line: what happened, and to what. */
export function laneWarning(lane: string, message: string, facts: Readonly<Record<string, string | number>> = {}): string {
  const parts = Object.entries(facts)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name} ${value}`);
  return visibleText(`${lane}: ${message}${parts.length === 0 ? '' : ` (${parts.join(', ')})`}`);
}
