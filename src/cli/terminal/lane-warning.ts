import { visibleText } from './visible-text.ts';

/** Returns a warning about a lane for the operator, in one line: the message, and its facts. */
export function laneWarning(lane: string, message: string, facts: Readonly<Record<string, string | number>> = {}): string {
  const parts = Object.entries(facts)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name} ${value}`);
  return visibleText(`${lane}: ${message}${parts.length === 0 ? '' : ` (${parts.join(', ')})`}`);
}
