import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parquet } from '../../../../src/backends/parquet/index.ts';
import type { ArtifactFile, Backend } from '../../../../src/contract/index.ts';
import { makeBackend } from '../../../../src/testing/make-backend.ts';
import { GrowingRun } from '../../../../src/testing/parcels.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const signal = new AbortController().signal;

let folder: string;
let run: GrowingRun;
let backend: Backend;
beforeEach(async () => {
  folder = temporaryFolder();
  run = new GrowingRun();
  backend = await makeBackend(parquet, { path: folder });
});
afterEach(async () => {
  await backend.close();
  run.remove();
});

function artifact(path: string): ArtifactFile {
  return {
    path,
    bytes: 1,
    hash: '',
    async *read() {
      yield Buffer.from('x');
    },
  };
}

describe('the Parquet backend', () => {
  it('refuses only the artifacts whose paths the file system cannot hold', async () => {
    const handle = await backend.open(run.source(), undefined, signal);
    const outcomes: unknown[] = [];
    for (const path of ['out', 'out/y', 'out/y/z', 'd/y', 'd', 'n'.repeat(300), 'last']) {
      outcomes.push((await backend.putFile?.(handle, artifact(path), signal))?.kind);
    }
    expect(outcomes).toEqual(['stored', 'refused', 'refused', 'stored', 'refused', 'refused', 'stored']);
    expect(readdirSync(join(folder, '.tmp'))).toEqual([]);
    const [artifacts] = readdirSync(join(folder, 'artifacts'));
    expect(readFileSync(join(folder, 'artifacts', artifacts as string, 'out'), 'utf8')).toBe('x');
  });

  it('says so where the file of a new run exists, but is not listed', async () => {
    const path = join(folder, 'runs', run.source().key, '1', 'run.json');
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync('nowhere', path);
    await expect(backend.open(run.source(), undefined, signal)).rejects.toMatchObject({
      code: 'MB4006',
      message: expect.stringContaining('is not listed'),
    });
  });

  it('stops only the run whose document is damaged', async () => {
    await backend.open(run.source(), undefined, signal);
    const path = join(folder, 'runs', run.source().key, '1', 'run.json');
    const document = JSON.parse(readFileSync(path, 'utf8')) as object;
    for (const damage of [{ root_partition: '../..' }, { root_partition: 7 }, { instance: null }, { run: [] }]) {
      writeFileSync(path, JSON.stringify({ ...document, ...damage }));
      await expect(backend.open(run.source(), undefined, signal)).rejects.toMatchObject({ code: 'MB4006' });
    }
    // Without marks of files, it is a run of which nothing is known.
    writeFileSync(path, JSON.stringify({ ...document, files: { a: [1] } }));
    expect(JSON.parse(await backend.open(run.source(), undefined, signal))).toMatchObject({ number: 1 });
  });
});
