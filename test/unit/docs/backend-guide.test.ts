import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import * as backend from '../../../src/backend.ts';
import * as testing from '../../../src/testing/index.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const guide = readFileSync(`${root}docs/adding-a-backend.md`, 'utf8');
const contract = (file: string): string => readFileSync(`${root}src/contract/${file}.ts`, 'utf8');

/** What stands between backquotes, and the names in it. */
const named = new Set([...guide.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => code.match(/\w+/g) ?? []));

describe('the guide for backends', () => {
  it('names every call of a backend, and every member of its type', () => {
    for (const file of ['backend', 'journal', 'backend-type']) {
      const body = file === 'backend-type' ? contract(file).split('export interface BackendType')[1]!.split('\n}')[0]! : contract(file);
      const members = [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[(:]/gm)].map(([, name]) => name!);
      const calls = file === 'backend-type' ? members : [...body.matchAll(/^ {2}(\w+)\??\(/gm)].map(([, name]) => name!);
      expect(calls.length).toBeGreaterThan(2);
      expect(calls.filter((name) => !named.has(name))).toEqual([]);
    }
  });

  it('names every key for what a backend stores and keeps, and every limit', () => {
    const { holds, keeps, limits } = backend.capabilities({ name: 'any', holds: {} });
    const keys = [...Object.keys(holds), ...Object.keys(keeps), ...Object.keys(limits)];
    expect(keys.filter((key) => !named.has(key))).toEqual([]);
    expect(limits).toEqual({ pointsPerSend: 10_000, bytesPerSend: 4 * 1024 * 1024, runsPerSend: 1 });
    expect(guide).toContain('| 10,000, 4 MiB, 1 |');
  });

  it('names only exports of the package', () => {
    const exported = new Set([...Object.keys(backend), ...Object.keys(testing)]);
    const imported = [...guide.matchAll(/import \{([^}]*)\} from 'mirrorboard\//g)].flatMap(([, names = '']) => names.match(/\w+/g) ?? []);
    const used =
      'capabilities pointsOf blobsOf Section HttpClient MirrorError interpret valueJson jsonText toMillis pointText readPoint chunksOf';
    const more = 'numberedName warnNameTaken FileMarks agreeOnOne fileDifference StubServer lossy mirrorScene contractSuite makeBackend';
    for (const name of [...imported, ...used.split(' '), ...more.split(' ')]) {
      expect([name, exported.has(name), named.has(name) || imported.includes(name)]).toEqual([name, true, true]);
    }
  });

  it('names every fault that a test target can simulate', () => {
    const kinds = [...readFileSync(`${root}src/testing/fault.ts`, 'utf8').matchAll(/^ {2}\| '(\w+)'/gm)].map(([, kind]) => kind!);
    expect(kinds).toHaveLength(8);
    expect(kinds.filter((kind) => !named.has(kind))).toEqual([]);
  });
});
