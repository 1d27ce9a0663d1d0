import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Gap } from '../../../src/model/index.ts';
import { everyAt, type LeftOut, reconsider } from '../../../src/route/index.ts';

const TAG = 'loss';

/** What a lane does with one series of one file, byte `i` being the point of step `i`. */
class Lane {
  readonly sent = new Map<number, number>();
  left: LeftOut | undefined;
  every = 1;
  watermark = 0;
  gaps: Gap[] = [];
  readonly canSendAgain: boolean;

  constructor(canSendAgain: boolean) {
    this.canSendAgain = canSendAgain;
  }

  /** As at a start with another configuration. */
  decide(every: number): void {
    this.every = every;
    const file = { name: 'f', watermark: this.watermark, gaps: this.gaps };
    const found = reconsider(TAG, this.left, every, this.watermark === 0 ? [] : [file], this.canSendAgain);
    if (found === undefined) return;
    this.left = found.left;
    if (found.forgone.length > 0) this.gaps = this.gaps.filter(({ tags }) => tags === undefined);
    for (const [, start, end] of found.resend) this.gaps.push({ start, end, reason: 'route', tags: [TAG] });
    this.gaps.sort((a, b) => a.start - b.start);
  }

  read(points: number): void {
    if (this.every !== 1) this.left ??= { every: this.every };
    this.#send(this.watermark, this.watermark + points);
    this.watermark += points;
  }

  /** A part of the file that can't be read, and is passed over. */
  skip(points: number): void {
    this.gaps.push({ start: this.watermark, end: this.watermark + points, reason: 'damage' });
    this.watermark += points;
  }

  serve(): void {
    const gap = this.gaps.shift();
    if (gap !== undefined) this.#send(gap.start, gap.end);
  }

  #send(start: number, end: number): void {
    for (let step = start; step < end; step++) {
      if (this.every !== 0 && step % this.every === 0) this.sent.set(step, (this.sent.get(step) ?? 0) + 1);
    }
  }
}

const action = fc.oneof(
  fc.record({ kind: fc.constant('decide' as const), n: fc.constantFrom(0, 1, 2, 3, 5, 10) }),
  fc.record({ kind: fc.constant('read' as const), n: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ kind: fc.constant('skip' as const), n: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ kind: fc.constant('serve' as const), n: fc.constant(0) }),
);

function play(lane: Lane, actions: readonly { readonly kind: 'decide' | 'read' | 'skip' | 'serve'; readonly n: number }[]): void {
  for (const { kind, n } of actions) lane[kind](n);
}

describe('the points of a series that a route leaves out', () => {
  it('are known at each place, and all arrive once everything is included, after any number of changes', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 25 }), (actions) => {
        const lane = new Lane(true);
        play(lane, actions);
        lane.decide(1);
        while (lane.gaps.length > 0) lane.serve();
        for (let step = 0; step < lane.watermark; step++) expect([step, lane.sent.has(step)]).toEqual([step, true]);
        expect(lane.left).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  it('are never more than the points that were really left out: the others are missing', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 25 }), fc.boolean(), (actions, canSendAgain) => {
        const lane = new Lane(canSendAgain);
        play(lane, actions);
        while (lane.gaps.length > 0) lane.serve();
        for (let step = 0; step < lane.watermark; step++) {
          const every = everyAt(lane.left, 'f', step);
          if (every !== 0 && step % every === 0) expect([step, every, lane.sent.has(step)]).toEqual([step, every, true]);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('are not sent twice if a tracker would store a repeated point twice', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 25 }), (actions) => {
        const lane = new Lane(false);
        play(lane, actions);
        lane.decide(1);
        while (lane.gaps.length > 0) lane.serve();
        expect(Math.max(0, ...lane.sent.values())).toBeLessThanOrEqual(1);
      }),
      { numRuns: 2000 },
    );
  });
});
