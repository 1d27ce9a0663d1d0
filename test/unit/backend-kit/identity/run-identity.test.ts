import { describe, expect, test } from '@jest/globals';
import { FileMarks, numberedName, parentSource, sortOut, warnNameTaken, whoseRun } from '../../../../src/backend-kit/identity/index.ts';
import type { FileMark, FoundTrackerRun, ReadBackChunk, RunSource } from '../../../../src/contract/index.ts';
import { MirrorError } from '../../../../src/errors.ts';

const signal = new AbortController().signal;
const A: FileMark = { file: 'a', checksum: 1 };
const source: RunSource = {
  run: { root: 'logs', path: 'study/one' },
  rootPath: '/logs',
  key: 'key',
  name: 'one',
  group: '',
  tags: { team: 'vision' },
  instanceId: 'me',
  fingerprint: [A],
  startedAt: 0,
};

function found(changes: Partial<FoundTrackerRun> = {}, chunks: readonly ReadBackChunk[] = []): FoundTrackerRun {
  const readBack = async function* (): AsyncGenerator<ReadBackChunk, void, void> {
    yield* chunks;
  };
  return { instanceId: 'other', fingerprint: [], readBack, ...changes };
}
const unread = (): never => {
  throw new Error('it was read back');
};

describe('the run that a tracker run belongs to', () => {
  test('is found by a common file, no matter which state created it, without reading points', async () => {
    for (const instanceId of ['me', 'other', undefined])
      expect(await whoseRun(found({ instanceId, fingerprint: [{ file: 'b', checksum: 2 }, A], readBack: unread }), source, signal)).toEqual(
        {
          kind: 'own',
        },
      );
  });

  test('is found by the state if it names no file', async () => {
    expect(await whoseRun(found({ instanceId: 'me', readBack: unread }), source, signal)).toEqual({ kind: 'own' });
    expect(await whoseRun(found({ readBack: unread }), source, signal)).toMatchObject({ why: 'which does not list its files' });
  });

  test('is not found by the state if it names other files', async () => {
    const other = found({ instanceId: 'me', fingerprint: [{ file: 'a', checksum: 9 }], readBack: unread });
    expect(await whoseRun(other, source, signal)).toEqual({ kind: 'other', why: 'made from other files' });
  });

  test('stays unknown if the tracker run cannot be read back, and is looked up again if its tracker is down', async () => {
    const files = { hasRecord: async () => false, points: async function* () {} };
    const failing = (retry: 'later' | 'never'): FoundTrackerRun =>
      found({
        readBack: () => {
          throw new MirrorError('MB4005', 'no', { retry });
        },
      });
    expect(await whoseRun(failing('never'), { ...source, files }, signal)).toMatchObject({
      why: expect.stringContaining('cannot be read back'),
    });
    await expect(whoseRun(failing('later'), { ...source, files }, signal)).rejects.toMatchObject({ code: 'MB4005' });
  });

  test('of several is found with as few requests as possible', async () => {
    const runs = [found({ readBack: unread }), found({ fingerprint: [A] })];
    const { own } = await sortOut(
      runs,
      ({ instanceId, fingerprint, readBack }) => ({ mark: { instance: instanceId, files: FileMarks.of(fingerprint) }, readBack }),
      source,
      signal,
    );
    expect(own).toEqual([runs[1]]);
  });

  test('has a reason if it is another run', () => {
    const said: string[] = [];
    warnNameTaken((message) => said.push(message), source, numberedName('one', 1), 'made from other files');
    expect(said).toEqual(['logs/study/one is mirrored as one (2): a run of the same root and path exists, made from other files']);
  });
});

describe('the run above a study', () => {
  test('is identified by the files of the runs below it, at any place below the root', async () => {
    const asked: FileMark[] = [];
    const files = {
      hasRecord: async (mark: FileMark) => {
        asked.push(mark);
        return true;
      },
      points: async function* () {},
    };
    const parent = parentSource({ ...source, tags: { trial: '1' }, parent: { key: 'above', name: 'study', tags: { team: 'x' } }, files })!;
    expect(parent.tags).toEqual({ team: 'x' });
    expect(parentSource({ ...source, tags: { trial: '1' }, parent: { key: 'above', name: 'study' } })?.tags).toEqual({});
    expect(parent).toMatchObject({ key: 'above', name: 'study', tags: {}, fingerprint: [{ file: 'study/one/a', checksum: 1 }] });
    const before = found({ fingerprint: [{ file: 'study/two/f', checksum: 5 }], readBack: unread });
    expect(await whoseRun(before, parent, signal)).toEqual({ kind: 'own' });
    expect(asked).toEqual([{ file: '../two/f', checksum: 5 }]);
    expect(parentSource(source)).toBeUndefined();
  });
});

describe('the files that identify a tracker run', () => {
  test('tolerate a value that is not a list of files', () => {
    for (const text of [undefined, 7, '', '{', '{"a":1}', '[["a"],["b","c"],[1,2],null]']) expect(FileMarks.read(text).list()).toEqual([]);
    expect(
      FileMarks.read('[["a",1],["b",2]]')
        .with([{ file: 'b', checksum: 3 }])
        .pairs(),
    ).toEqual([
      ['a', 1],
      ['b', 3],
    ]);
  });

  test('are as many as fit into a text', () => {
    const marks = FileMarks.of([A, { file: 'b', checksum: 2 }]);
    expect(marks.text(100)).toBe('[["a",1],["b",2]]');
    expect(marks.text(12)).toBe('[["a",1]]');
  });
});

describe('the run that a tracker run belongs to after a file was replaced', () => {
  const B: FileMark = { file: 'b', checksum: 2 };
  const OLD: FileMark = { file: 'b', checksum: 9 };
  /** A file `b` that holds something else than it did, as it lies there. */
  const files: RunSource['files'] = {
    hasRecord: async ({ file, checksum }) => file === 'b' && checksum === B.checksum,
    isReplaced: async ({ file, checksum }) => file === 'b' && checksum !== B.checksum,
    points: async function* () {},
  };
  const leaving: RunSource = { ...source, fingerprint: [A], files, leavesReplaced: true };

  test('is another run if the tracker run names the former content, even if another file is the same', async () => {
    const former = found({ fingerprint: [A, OLD], readBack: unread });
    expect(await whoseRun(former, leaving, signal)).toMatchObject({
      kind: 'other',
      why: expect.stringContaining('earlier content of replaced files'),
    });
    expect(await whoseRun(former, { ...leaving, leavesReplaced: false }, signal)).toEqual({ kind: 'own' });
  });

  test('is the same run if the tracker run names the current content of the file', async () => {
    expect(await whoseRun(found({ fingerprint: [A, B], readBack: unread }), leaving, signal)).toEqual({ kind: 'own' });
  });

  test('is distinguished from others that also have a common file', async () => {
    const runs = [found({ fingerprint: [A, OLD] }), found({ fingerprint: [A, B] })];
    const candidateOf = ({ instanceId, fingerprint, readBack }: FoundTrackerRun) => ({
      mark: { instance: instanceId, files: FileMarks.of(fingerprint) },
      readBack,
    });
    expect((await sortOut(runs, candidateOf, leaving, signal)).own).toEqual([runs[1]]);
  });

  test('stays the same with the setting in the hint', async () => {
    const whose = await whoseRun(found({ fingerprint: [OLD] }), leaving, signal);
    const said: unknown[] = [];
    warnNameTaken((_, facts) => said.push(facts?.['hint']), leaving, 'one (2)', whose.kind === 'other' ? whose.why : undefined);
    expect(said).toEqual([expect.stringContaining('replaced: same_run')]);
  });
});
