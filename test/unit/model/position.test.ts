import { describe, expect, it } from '@jest/globals';
import { type FileState, type Gap, pendingGapBytes, unmirroredBytes } from '../../../src/model/index.ts';

const pending = (start: number, end: number, tag: string): Gap => ({ start, end, reason: 'route', tags: [tag] });

function stateOf(...gaps: readonly Gap[]): FileState {
  return {
    name: 'f',
    generation: 0,
    position: { watermark: 100, gaps },
    guard: { first: undefined, last: undefined },
    damage: [],
    size: 100,
    stamp: '1.1.5',
    records: 1,
  };
}

describe('pending ranges of a file', () => {
  it('count a byte once, no matter how many tags need it', () => {
    const state = stateOf(pending(20, 40, 'b'), pending(10, 30, 'a'), pending(12, 14, 'c'));
    expect([pendingGapBytes(state), unmirroredBytes(state, 0)]).toEqual([30, 30]);
  });

  it('include all ranges except damage, which waits for its file', () => {
    const state = stateOf({ start: 10, end: 30, reason: 'damage' }, pending(20, 40, 'a'), { start: 60, end: 70, reason: 'repair' });
    expect([pendingGapBytes(state), unmirroredBytes(state, 0)]).toEqual([30, 40]);
  });
});
