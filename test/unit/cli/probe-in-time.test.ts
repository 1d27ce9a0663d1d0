import { describe, expect, it } from '@jest/globals';
import { PROBE_MS, probeInTime } from '../../../src/cli/probe-in-time.ts';
import type { Backend } from '../../../src/contract/index.ts';
import { SILENT_MS } from '../../../src/delivery/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function scene(probe: (signal: AbortSignal) => Promise<unknown>): {
  readonly clock: FakeClock;
  readonly said: string[];
  asked(): Promise<unknown>;
} {
  const clock = new FakeClock();
  const said: string[] = [];
  const lane = { name: 'mlflow', target: 'http://tracker:5000', backend: { probe } as unknown as Backend };
  const options = {
    report: (line: string) => void said.push(line),
    signal: new AbortController().signal,
    undone: 'Nothing was done.',
    clock,
  };
  return { clock, said, asked: () => probeInTime(lane, options).catch((error: unknown) => error) };
}

describe('a check of a tracker before work starts', () => {
  it('reports a wait after 15 seconds, and fails long before a request would', async () => {
    let given: unknown;
    const { clock, said, asked } = scene((signal) => {
      signal.addEventListener('abort', () => {
        given = signal.reason;
      });
      return new Promise(() => undefined);
    });
    const done = asked();
    await clock.pass(SILENT_MS - 1);
    expect(said).toEqual([]);
    await clock.pass(1);
    expect(said).toEqual([expect.stringMatching(/^mlflow: waiting for an answer for 15 s/)]);
    await clock.pass(PROBE_MS - SILENT_MS);
    const hint = expect.stringMatching(/^Nothing was done\. .*omit mlflow from --remove-from/);
    const error = await done;
    expect(error).toMatchObject({ code: 'MB4001', message: 'mlflow (http://tracker:5000) did not answer within 30 s', hint });
    expect(given).toBe(error);
    expect(PROBE_MS).toBeLessThan(120_000);
  });

  it('reports nothing if the tracker answers, and passes on its reason if it rejects our credentials', async () => {
    const well = scene(async () => ({}));
    expect(await well.asked()).toBeUndefined();
    await well.clock.pass(PROBE_MS);
    expect(well.said).toEqual([]);
    const refusal = new Error('no');
    const shut = scene(() => Promise.reject(refusal));
    expect(await shut.asked()).toBe(refusal);
  });
});
