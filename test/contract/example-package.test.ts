import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { whoseRun } from '../../src/backend-kit/identity/index.ts';
import type { Backend, BackendType } from '../../src/contract/index.ts';
import { FaultQueue } from '../../src/testing/fault.ts';
import { lossy } from '../../src/testing/lossy-backend.ts';
import { GrowingRun } from '../../src/testing/parcels.ts';
import { differences, expectedOf, readHeld } from '../../src/testing/read-back.ts';
import { newLedger, SmallDelivery } from '../../src/testing/small-delivery.ts';
import { event, simpleValue } from '../support/event-writer.ts';
import { contractSuite } from './contract-suite.ts';

const PACKAGE = new URL('../../../test/support/example-backend-package/', import.meta.url);
const { exports: entry } = JSON.parse(readFileSync(new URL('package.json', PACKAGE), 'utf8')) as { exports: string };
const { default: type } = (await import(new URL(entry, PACKAGE).href)) as { readonly default: BackendType };

async function connect(folder: string): Promise<Backend> {
  const parsed = type.parse({ folder }, {});
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems));
  return type.create(parsed.settings, { lane: 'example', whoseRun, env: {}, warn: () => {} });
}

contractSuite('a backend in a package', {
  addressing: 'key',
  faults: ['rateLimited', 'unavailable', 'connectionLost', 'answerLost', 'hang', 'hangStored'],
  async start() {
    const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-example-'));
    const faults = new FaultQueue();
    return {
      connect: async () => lossy(await connect(folder), faults),
      fail: (fault, times) => faults.add(fault, times),
      faultsLeft: () => faults.left,
      removeRun: async (handle) => rmSync(join(folder, handle), { recursive: true }),
      runCount: async () => readdirSync(folder).length,
      statusOf: async (handle) => {
        const { end } = JSON.parse(readFileSync(join(folder, handle, 'run.json'), 'utf8')) as { end?: { status: 'finished' | 'failed' } };
        return end?.status ?? 'running';
      },
      close: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
});

describe('the package of a backend', () => {
  it('says what is wrong with its section', () => {
    expect(type.parse({ folder: 7, colour: 'red' }, {})).toEqual({
      kind: 'problems',
      problems: [
        { path: ['colour'], found: 'a setting that is not known', expected: 'folder' },
        { path: ['folder'], found: 'number', expected: 'the path of a folder' },
      ],
    });
  });

  it('goes on behind a line that a crash cut short', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-example-'));
    const run = new GrowingRun();
    const drafts = run.append([1, 2, 3].map((step) => event({ wallTime: step, step, summary: [simpleValue('x', step)] })));
    const ledger = newLedger();
    const first = new SmallDelivery(await connect(folder), ledger, run.source());
    const handle = await first.open();
    appendFileSync(join(folder, handle, 'points.jsonl'), '{"key":"torn');
    await first.deliver(drafts);
    const found = await readHeld(await connect(folder), handle);
    expect(differences(first.backend, expectedOf(first.backend, drafts), found)).toEqual([]);
    run.remove();
    rmSync(folder, { recursive: true });
  });
});
