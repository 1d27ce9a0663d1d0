import { expect, it } from '@jest/globals';
import type { MlflowClient } from '../../../../src/backends/mlflow/client.ts';
import { ParamWriter } from '../../../../src/backends/mlflow/run-params.ts';
import { UNTRIED } from '../../../../src/backends/mlflow/store-facts.ts';
import { MirrorError } from '../../../../src/errors.ts';
import { clockAt } from '../../../support/fake-clock.ts';

const NEVER = new AbortController().signal;

it('waits while a server refuses even our test param, and accepts the refusal if it lasts while metrics are accepted', async () => {
  let now = 0;
  let takesMetrics = false;
  const refused = { kind: 'failed', cause: 'refused', status: 400, error: new MirrorError('MB4005', 'Limit=200') };
  const client = {
    logParams: async () => refused,
    logMetrics: async () => (takesMetrics ? { kind: 'ok', value: {} } : refused),
  } as unknown as MlflowClient;
  const params = new ParamWriter({
    client,
    runId: 'run',
    known: new Map(),
    facts: UNTRIED,
    warn: () => undefined,
    publish: async () => undefined,
    clock: clockAt(() => now),
  });
  await expect(params.tryOut(NEVER)).rejects.toThrow();
  now = 4 * 60_000;
  takesMetrics = true;
  await expect(params.tryOut(NEVER)).rejects.toThrow();
  now = 6 * 60_000;
  await expect(params.tryOut(NEVER)).resolves.toBeUndefined();
  takesMetrics = false;
  await expect(params.tryOut(NEVER)).rejects.toThrow();
});
