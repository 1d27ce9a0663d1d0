import { mirrorboard as messages } from '../proto/messages.js';
import { readTensor } from './tensor.ts';

/**
 * Returns the text of an event's value; undefined if it has none, or several. `index` counts all values of the event.
 */
export function textInEvent(event: Uint8Array, index: number): Uint8Array | undefined {
  try {
    const tensor = messages.Event.decode(event).summary?.value?.[index]?.tensor;
    const { strings = [] } = tensor === null || tensor === undefined ? {} : readTensor(tensor);
    return strings.length === 1 ? strings[0] : undefined;
  } catch {
    return undefined;
  }
}
