import { describe, expect, it } from '@jest/globals';
import { AnswerWatch, SILENT_MS } from '../../../src/delivery/index.ts';
import { requestStarted, signOfLife } from '../../../src/sign-of-life.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

/** Calls that end when the test says so. */
class Scene {
  readonly clock = new FakeClock();
  readonly startedMs = this.clock.steadyMs();
  readonly said: string[] = [];
  readonly watch = new AnswerWatch(this.clock, {
    fellSilent: (sinceMs) => void this.said.push(`silent since ${sinceMs - this.startedMs}`),
    answersAgain: () => void this.said.push('answers'),
  });

  /** A call; what it returns ends it. What the tracker does meanwhile happens inside of it. */
  call(): { readonly end: () => void; readonly sign: () => Promise<void>; readonly done: Promise<void> } {
    const end = Promise.withResolvers<void>();
    let next = Promise.withResolvers<'sign' | 'end'>();
    void end.promise.then(() => next.resolve('end'));
    const done = this.watch.ask(async () => {
      while ((await next.promise) === 'sign') {
        next = Promise.withResolvers();
        signOfLife();
      }
    });
    const sign = async (): Promise<void> => {
      next.resolve('sign');
      await settle();
    };
    return { end: () => end.resolve(), sign, done };
  }
}

describe('a request to a tracker', () => {
  it('is reported after 15 seconds without an answer, once, with its start', async () => {
    const { clock, watch, said, call } = bound(new Scene());
    const { end, done } = call();
    await clock.pass(SILENT_MS - 1);
    expect([said, watch.silentSinceMs]).toEqual([[], undefined]);
    await clock.pass(1);
    await clock.pass(10 * SILENT_MS);
    expect([said, clock.steadyMs() - (watch.silentSinceMs ?? 0)]).toEqual([['silent since 0'], 11 * SILENT_MS]);
    end();
    await done;
    expect(watch.silentSinceMs).toBeUndefined();
  });

  it('is not silent while it shows signs of life, for any length of the call', async () => {
    const { clock, said, call } = bound(new Scene());
    const one = call();
    for (let i = 0; i < 20; i++) {
      await clock.pass(SILENT_MS - 1);
      await one.sign();
    }
    expect(said).toEqual([]);
    await clock.pass(SILENT_MS);
    await one.sign();
    await clock.pass(SILENT_MS);
    expect(said.map((word) => word.split(' ')[0])).toEqual(['silent', 'answers', 'silent']);
    one.end();
    await one.done;
  });

  it('counts from the last answer to any other open request', async () => {
    const { clock, said, call } = bound(new Scene());
    const [hung, well] = [call(), call()];
    await clock.pass(10_000);
    well.end();
    await well.done;
    await clock.pass(10_000);
    expect(said).toEqual([]);
    await clock.pass(5000);
    expect(said).toEqual(['silent since 10000']);
    hung.end();
    await hung.done;
  });

  it('is reported for every call', async () => {
    const ended: unknown[] = [];
    const watch = new AnswerWatch(new FakeClock(), {
      fellSilent: () => undefined,
      answersAgain: () => undefined,
      requestEnded: (status, ms) => void ended.push([status, ms >= 0]),
    });
    await Promise.all([200, undefined].map((status) => watch.ask(async () => requestStarted()(status))));
    requestStarted()(500);
    expect(ended).toEqual([
      [200, true],
      [undefined, true],
    ]);
  });

  it('is not silent in calls with pauses between them, after each answer', async () => {
    const { clock, said, call } = bound(new Scene());
    for (let i = 0; i < 5; i++) {
      const { end, done } = call();
      await clock.pass(5000);
      end();
      await done;
      await clock.pass(5000);
    }
    expect(said).toEqual([]);
  });
});

function bound(scene: Scene): Pick<Scene, 'clock' | 'watch' | 'said' | 'call'> {
  return { clock: scene.clock, watch: scene.watch, said: scene.said, call: scene.call.bind(scene) };
}
