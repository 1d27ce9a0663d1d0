import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { artifactFile, findFiles, hashFile, readJoin, readParams, safePath } from '../../../src/artifacts/index.ts';
import { Pattern } from '../../../src/pattern/index.ts';
import { directoryAt } from '../../support/directory.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const { signal } = new AbortController();
let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
function write(path: string, text: string): string {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
  return join(folder, path);
}

async function params(name: string, text: string, prefix = '') {
  write(name, text);
  const read = await readParams(Buffer.from(text), name, prefix);
  return read.kind === 'params' ? Object.fromEntries(read.params.map(({ name: key, value }) => [key, value])) : read;
}

describe('params of files', () => {
  it('flattens mappings, does not split lists of plain values, and distinguishes 3 from 3.0', async () => {
    const text =
      'lr: 0.1\nbatch: 64\nthree: 3.0\noptimizer: {name: adam, betas: [0.9, 0.999]}\nstages: [{width: 1}, {width: 2}]\nnone: null\nempty: {}\n';
    expect(await params('hparams.yaml', text)).toEqual({
      lr: 0.1,
      batch: 64n,
      three: 3,
      'optimizer.name': 'adam',
      'optimizer.betas': '[0.9, 0.999]',
      'stages.0.width': 1n,
      'stages.1.width': 2n,
      none: null,
      empty: '{}',
    });
  });

  it('reads JSON, also integers that a double cannot hold', async () => {
    expect(await params('config.json', '{"a": {"b": true}, "wide": 12345678901234567890, "s": "x"}', 'config.')).toEqual({
      'config.a.b': true,
      'config.wide': 12345678901234567890n,
      'config.s': 'x',
    });
  });

  it("reads Python's own types that Lightning writes as their values", async () => {
    expect(await params('hparams.yaml', 'a: !!python/object/apply:torch.device\n- cuda\nb: 1\n')).toEqual({ a: '["cuda"]', b: 1n });
  });

  it.each([
    ['config.json', '{"a": ', 'it is no JSON'],
    ['args.yaml', 'a: b: c', 'it is no YAML'],
    ['args.yaml', '[1, 2]', 'no mapping'],
  ])('explains why %s has no params', async (name, text, reason) => {
    expect(await params(name, text)).toMatchObject({ kind: 'invalid', reason: expect.stringContaining(reason) });
  });
});

describe('files next to a run', () => {
  const find = async (globs: readonly string[], other: readonly string[] = []): Promise<string[]> => {
    const found = await findFiles(
      directoryAt(folder),
      globs.map((glob) => new Pattern(glob)),
      (path) => other.includes(path),
      { signal },
    );
    return found.map(({ path }) => path);
  };

  it('are found by pattern, at every depth that the pattern allows, and not in directories of other runs', async () => {
    for (const path of ['a.pth', 'ck/b.pth', 'ck/deep/c.pth', 'other/d.pth', '.hydra/config.yaml']) write(path, 'x');
    expect(await find(['*.pth'])).toEqual(['a.pth']);
    expect(await find(['**/*.pth'], ['other'])).toEqual(['a.pth', 'ck/b.pth', 'ck/deep/c.pth']);
    expect(await find(['.hydra/config.yaml', 'missing.json'])).toEqual(['.hydra/config.yaml']);
    expect(await find(['ck'])).toEqual([]);
  });

  it('are also found next to the run if a pattern allows it, but not above the root', async () => {
    for (const path of ['out/runs/one/e', 'out/config.json', 'out/checkpoint-500/w.bin', 'out/other/w.bin', 'top.json']) write(path, 'x');
    const beside = async (levels: number, ...globs: readonly string[]): Promise<string[]> => {
      const patterns = globs.map((glob) => new Pattern(glob));
      const isOther = (path: string): boolean => path === '../../other';
      return (await findFiles({ ...directoryAt(folder), path: 'out/runs/one' }, patterns, isOther, { levels, signal }))
        .map(({ path }) => path)
        .sort();
    };
    expect(await beside(2, '../../config.json', '../../*/w.bin', 'e')).toEqual(['../../checkpoint-500/w.bin', '../../config.json', 'e']);
    expect(await beside(2, '../../../top.json', '../../../*.json')).toEqual([]);
    expect(await beside(0, '../one/e')).toEqual([]);
  });

  it('are sorted by creation time, then by their numbers', async () => {
    for (const [i, name] of ['epoch_10', 'epoch_9', 'epoch_1', 'last', 'early'].entries()) {
      utimesSync(
        write(`${name}.pth`, 'x'),
        1_700_000_000,
        name === 'early' ? 1_600_000_000 : name === 'last' ? 1_700_000_009 + i : 1_700_000_000,
      );
    }
    expect(await find(['*.pth'])).toEqual(['early.pth', 'epoch_1.pth', 'epoch_9.pth', 'epoch_10.pth', 'last.pth']);
  });

  it('are read to the last byte, from any start, and are refused after a change', async () => {
    write('big.bin', 'x'.repeat(300_000));
    const source = { directory: directoryAt(folder), path: 'big.bin', bytes: 300_000 };
    const file = artifactFile(source, 'big.bin', await hashFile(source, signal), signal);
    const read = async (start?: number): Promise<number> => {
      let bytes = 0;
      for await (const chunk of file.read(start)) bytes += chunk.length;
      return bytes;
    };
    expect([await read(), await read(299_990)]).toEqual([300_000, 10]);
    write('big.bin', `y${'x'.repeat(299_999)}`);
    await expect(read()).rejects.toMatchObject({ code: 'MB2008' });
    write('big.bin', 'short');
    await expect(read()).rejects.toMatchObject({ code: 'MB2008' });
  });

  it.each([
    ['../../etc/passwd', 'etc/passwd'],
    ['/a//b/./c', 'a/b/c'],
    ['epoch=3-step=10.ckpt', 'epoch=3-step=10.ckpt'],
    ['ckpt/a#b%c?d', 'ckpt/a_b_c_d-41a53380'],
    ['a#b.pt', 'a_b-d90677e8.pt'],
    ['a%b.pt', 'a_b-72335bca.pt'],
    ['café/模型.pt', 'café/模型.pt'],
    ['.#lock', '._lock-ba73b4fd'],
    ['..', ''],
  ])('have safe names: %s is %s', (path, safe) => {
    expect(safePath(path)).toBe(safe);
  });
});

describe('the run to join', () => {
  const ask = (rules: Parameters<typeof readJoin>[0], run = 'exp/1') =>
    readJoin(rules, run, directoryAt(folder), (template) => template.replace('{path}', run), signal);

  it('is the first line of a file, or a key of one', async () => {
    write('id.txt', 'abc123\nmore\n');
    write('run.json', '{"run": {"id": "x9"}}');
    expect(await ask([{ file: 'id.txt', waitMs: 5 }])).toEqual({ kind: 'id', id: 'abc123' });
    expect(await ask([{ file: 'run.json', key: 'run.id', waitMs: 5 }])).toEqual({ kind: 'id', id: 'x9' });
    expect(await ask([{ file: 'run.json', key: 'run.name', waitMs: 5 }])).toEqual({ kind: 'absent', path: 'run.json', waitMs: 5 });
    expect(await ask([{ file: 'gone.txt', waitMs: 5 }])).toMatchObject({ kind: 'absent' });
  });

  it('comes from the first rule that matches the run', async () => {
    const rules = [
      { runs: ['other'], id: 'no', waitMs: 0 },
      { runs: ['exp/**'], id: 'id-of-{path}', waitMs: 0 },
    ];
    expect(await ask(rules)).toEqual({ kind: 'id', id: 'id-of-exp/1' });
    expect(await ask(rules, 'third')).toEqual({ kind: 'none' });
  });
});
