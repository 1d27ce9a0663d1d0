import { expect, it } from '@jest/globals';
import { trackio } from '../../../../src/backends/trackio/index.ts';
import type { Handle } from '../../../../src/contract/index.ts';
import { makeBackend } from '../../../../src/testing/make-backend.ts';
import { GrowingRun } from '../../../../src/testing/parcels.ts';
import { type StubAnswer, type StubRequest, StubServer } from '../../../../src/testing/stub-server.ts';

const signal = new AbortController().signal;
const HANDLE = JSON.stringify({ project: 'p', run: 'r', base: 'ab', attempt: 1 }) as Handle;

/** A backend over a server that answers each call of a function with the same data. */
async function over(answers: Readonly<Record<string, unknown>>) {
  const routes = Object.entries(answers).map(([name, data]): [string, (request: StubRequest) => StubAnswer] => [
    `POST /api/${name}`,
    () => ({ body: { data } }),
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
