import { describe, expect, it } from '@jest/globals';
import { numbersIn, partitionValue, partPath, readPartPath } from '../../../../src/backends/parquet/names.ts';
import { readHandle, runOfId } from '../../../../src/backends/parquet/run-document.ts';
import type { Handle } from '../../../../src/contract/index.ts';
import { HOSTILE_NAMES } from '../../../../src/testing/hostile-names.ts';

describe('the value of a partition', () => {
  const names = [...HOSTILE_NAMES, '', 'x'.repeat(1000), 'X'.repeat(1000), '損'.repeat(1000), '=', 'a=b', '~', 'root=x/kind=y'];

  it('is a name that every file system and every reader takes', () => {
    for (const name of names) {
      const value = partitionValue(name);
      expect(value).toMatch(/^[A-Za-z0-9_.%~-]+$/);
      expect(`root=${value}`.length).toBeLessThan(256);
    }
  });

  it('is another one for every name', () => {
    expect(new Set(names.map(partitionValue)).size).toBe(new Set(names).size);
  });

  it('decodes to the name, except for long ones', () => {
    for (const name of names) {
      const value = partitionValue(name);
      if (!value.includes('~')) expect(decodeURIComponent(value)).toBe(name);
      else expect(name === '' || encodeURIComponent(name).length > 90).toBe(true);
    }
  });
});

describe('the path of a file with points', () => {
  const run = { key: 'ab'.repeat(16), number: 2, root: partitionValue('../../etc') };
  const part = {
    kind: 'scalars',
    source: '0123456789abcdef',
    start: 0,
    end: 2 ** 53 - 1,
    rows: 7,
    content: 'fedcba9876543210',
    isMerged: true,
  } as const;

  it('stays below its folder, and is read back', () => {
    const path = partPath(run, part);
    expect(path).toBe(
      `points/root=..%2F..%2Fetc/kind=scalars/run_id=${run.key}-2/0123456789abcdef-0-9007199254740991-7-fedcba9876543210-merged.parquet`,
    );
    expect(readPartPath(run, path, 'scalars')).toEqual(part);
    expect(readPartPath(run, partPath(run, { ...part, isMerged: false }), 'scalars')?.isMerged).toBe(false);
  });

  it('of other programs is left alone', () => {
    for (const name of ['part-0.parquet', '_SUCCESS', '0123456789abcdef-0-1-x-fedcba9876543210.parquet', '.parquet']) {
      expect(readPartPath(run, `points/${name}`, 'scalars')).toBeUndefined();
    }
  });

  it('is no other path with such a name', () => {
    const path = partPath(run, part);
    const name = path.slice(path.lastIndexOf('/') + 1);
    const folder = path.slice(0, -name.length);
    for (const other of [`${folder}_temporary/${name}`, `${folder}../${name}`, `../../${name}`, path.replace('-0-', '-00-')]) {
      expect(readPartPath(run, other, 'scalars')).toBeUndefined();
    }
  });
});

describe('a tracker run', () => {
  it('is found by its number, and by nothing else', () => {
    const paths = ['runs/a/10/run.json', 'runs/a/2/run.json', 'runs/a/2/manifest.json', 'runs/a/0/run.json', 'runs/a/x/run.json'];
    expect(numbersIn(paths)).toEqual([2, 10]);
  });

  it('has an id that leads nowhere else', () => {
    expect(runOfId('0123456789abcdef-3')).toEqual({ key: '0123456789abcdef', number: 3 });
    for (const id of ['../../../etc-1', '0123456789abcdef', '0123456789abcdef-0', '0123456789ABCDEF-1', '/etc-1', '']) {
      expect(runOfId(id)).toBeUndefined();
    }
  });

  it('has a handle that leads nowhere else', () => {
    const bad = [
      { key: '../..', number: 1, root: 'a' },
      { key: '0123456789abcdef', number: 1.5, root: 'a' },
      { key: '0123456789abcdef', number: 1, root: '../a' },
    ];
    for (const fields of bad) expect(() => readHandle(JSON.stringify(fields) as Handle)).toThrow('not a valid handle');
  });
});
