import { expect, it } from '@jest/globals';
import { trackio } from '../../../../src/backends/trackio/index.ts';
import type { Handle } from '../../../../src/contract/index.ts';
import { event, simpleValue } from '../../../../src/testing/events/index.ts';
import { makeBackend } from '../../../../src/testing/make-backend.ts';
import { addressed, GrowingRun } from '../../../../src/testing/parcels.ts';
import { type StubAnswer, type StubRequest, StubServer } from '../../../../src/testing/stub-server.ts';

const signal = new AbortController().signal;
const HANDLE = JSON.stringify({ project: 'p', run: 'r', base: 'ab', attempt: 1 }) as Handle;

/** A backend over a server that answers each call of a function with the same data, or the same error. */
async function over(answers: Readonly<Record<string, unknown>>) {
  const routes = Object.entries(answers).map(([name, data]): [string, (request: StubRequest) => StubAnswer] => [
    `POST /api/${name}`,
    () => (data instanceof Error ? { status: 500, body: { error: data.message } } : { body: { data } }),
  ]);
  const server = await StubServer.start({ faultyRoutes: [], routes: Object.fromEntries(routes) });
  return { server, backend: await makeBackend(trackio, { url: server.url, write_token: 'token' }) };
}

it('takes no row for an answer that has something else than texts', async () => {
  for (const cell of [7, true, { toString: 1 }, [null], ['a']]) {
    const { server, backend } = await over({ query_project: { rows: [{ name: 'run', list0: cell, id: cell }] } });
    try {
      await expect(backend.finish(HANDLE, undefined, signal)).rejects.toMatchObject({ code: 'MB4031', retry: 'later' });
    } finally {
      await backend.close();
      await server.close();
    }
  }
});

it('does not take a strange answer for a token that is refused', async () => {
  const { server, backend } = await over({ get_run_mutation_status: { allowed: 'yes' } });
  const run = new GrowingRun();
  try {
    await expect(backend.open(run.source(), undefined, signal)).rejects.toMatchObject({ code: 'MB4031', retry: 'later' });
  } finally {
    await backend.close();
    await server.close();
    run.remove();
  }
});

it('blames no row for what the machine of the server cannot do', async () => {
  const kinds: unknown[] = [];
  for (const message of [
    'Could not acquire database lock after 10 seconds',
    '[Errno 28] No space left on device',
    'Integer exceeds 64-bit range',
  ]) {
    const { server, backend } = await over({ query_project: { rows: [{ name: 'run' }] }, bulk_log: new Error(message) });
    const run = new GrowingRun();
    try {
      const drafts = run.append([event({ wallTime: 1, step: 1, summary: [simpleValue('loss', 1)] })]);
      kinds.push(...(await backend.send(addressed(drafts, HANDLE), signal)).map(({ kind }) => kind));
    } finally {
      await backend.close();
      await server.close();
      run.remove();
    }
  }
  expect(kinds).toEqual(['retry', 'retry', 'rejected']);
});
