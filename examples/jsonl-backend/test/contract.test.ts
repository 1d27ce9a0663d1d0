import assert from 'node:assert/strict';
import * as runner from 'node:test';
import type { SettingProblem } from 'mirrorboard/backend';
import { contractSuite, makeBackend } from 'mirrorboard/testing';
import jsonl from '../src/index.ts';
import { Service } from './service.ts';

const TOKEN = 'a token that nobody may see';

contractSuite(
  'jsonl',
  {
    addressing: 'key',
    faults: ['rateLimited', 'unavailable', 'connectionLost', 'answerLost', 'partStored', 'hang', 'hangStored', 'noAccess'],
    comparesArtifacts: true,
    async start() {
      const service = await Service.start(TOKEN);
      const { server, runs } = service;
      // A request ends because of the case, and not because of a time limit.
      const connect = (token: string) => makeBackend(jsonl, { url: server.url, token, request_timeout: 3600 });
      return {
        connect: () => connect(TOKEN),
        connectWrongly: () => connect('wrong'),
        fail: (fault, times) => server.faults.add(fault, times),
        faultsLeft: () => server.faults.left,
        refuse: (tag) => service.refused.add(tag),
        removeRun: async (handle) => void runs.delete(handle),
        runCount: async () => runs.size,
        statusOf: async (handle) => runs.get(handle)?.facts.status ?? 'running',
        secrets: [TOKEN],
        complaints: () => server.complaints,
        close: () => server.close(),
      };
    },
  },
  runner,
);

runner.describe('the settings of a lane', () => {
  const problemsOf = (section: object, env = {}): readonly SettingProblem[] => {
    const parsed = jsonl.parse({ ...section }, env);
    return parsed.kind === 'problems' ? parsed.problems : [];
  };

  runner.it('take the address from the section or from a variable', () => {
    assert.deepEqual(problemsOf({ url: 'https://runs.example' }), []);
    assert.deepEqual(problemsOf({}, { JSONL_URL: 'https://runs.example' }), []);
    assert.equal(problemsOf({})[0]?.expected, 'the address of the service');
  });

  runner.it('name a key that is unknown', () => {
    assert.deepEqual(problemsOf({ url: 'https://runs.example', tokn: 'x' })[0]?.path, ['tokn']);
  });
});
