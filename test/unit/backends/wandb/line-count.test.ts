import { expect, test } from '@jest/globals';
import type { WandbClient, WandbRunFacts } from '../../../../src/backends/wandb/client.ts';
import { OnlineRun } from '../../../../src/backends/wandb/online.ts';
import { RunConfig } from '../../../../src/backends/wandb/run-config.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';

const { signal } = new AbortController();
const FACTS: WandbRunFacts = {
  entity: 'e',
  project: 'p',
  id: 'r',
  storageId: 's',
  displayName: 'r',
  lineCount: 0,
  config: '{}',
  summary: '{}',
  tags: [],
};

test.each([
  ['counts its lines late', 2, false],
  ['never counts them', 0, true],
])('a server that %s: %i a while later, suspected of appending: %j', async (_, later, isSuspected) => {
  const clock = new FakeClock();
  let counted = 0;
  const client = {
    run: async () => ({ kind: 'ok', value: { ...FACTS, lineCount: counted } }),
    download: async () => ({ kind: 'ok', value: Buffer.from('{"a":1}\n{"a":2}\n') }),
  } as unknown as WandbClient;
  let suspected: boolean | undefined;
  const uncounted = async (countLater: () => Promise<number>): Promise<void> => {
    suspected = (await countLater()) === 0;
  };
  const run = new OnlineRun(client, FACTS, RunConfig.read('{}'), { offsetSemantics: 'replace', uncounted, pages: 'http://h', clock });
  const count = run.lineCount(5, signal);
  await settle();
  counted = later;
  await clock.pass(60_000);
  expect(await count).toEqual({ kind: 'ok', value: 2 });
  expect(suspected).toBe(isSuspected);
});
