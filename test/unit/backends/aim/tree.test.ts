import { describe, expect, it } from '@jest/globals';
import { readNumbers } from '../../../../src/backends/aim/column.ts';
import { hashOf, StepHashes } from '../../../../src/backends/aim/hash.ts';
import { AimBlob, Custom, pack, type Tree, unpack } from '../../../../src/backends/aim/tree.ts';

describe('a packed tree', () => {
  it('is the same as the server writes it', () => {
    // What the server's own encoder makes of {} and [False].
    expect(pack({}).toString('hex')).toBe('00000000000100000007');
    expect(pack([false]).toString('hex')).toBe(
      '0000000000010000000' + '6' + '0a000000' + 'fe0000000000000000fe' + '00' + '02000000' + '0100',
    );
  });

  it('reads its own output, with integers and floats apart', () => {
    const tree = new Map<string | bigint, Tree>([
      ['name', 'ünï/損失'],
      [-5n, 1n],
      [2n ** 62n, 1],
      ['list', [null, true, -0, Number.NaN, new Uint8Array([254, 0])]],
      ['empty', []],
      ['object', new Custom('aim.text', { data: new AimBlob('text') })],
    ]);
    expect(unpack(pack(tree))).toEqual(
      new Map<string | bigint, Tree>([
        ['name', 'ünï/損失'],
        [-5n, 1n],
        [2n ** 62n, 1],
        ['list', [null, true, -0, Number.NaN, Buffer.from([254, 0])]],
        ['empty', []],
        ['object', new Custom('aim.text', { data: new AimBlob('text') })],
      ]),
    );
  });

  it('is refused if it is cut off', () => {
    const whole = pack(['some', 'text']);
    for (let length = 1; length < whole.length; length++) {
      let read: Tree | undefined;
      try {
        read = unpack(whole.subarray(0, length));
      } catch (error) {
        expect((error as Error).name).toBe('RangeError');
        continue;
      }
      // Between two records it is a tree with fewer children.
      expect((read as Tree[]).length).toBeLessThan(2);
    }
    expect(() => unpack(new Uint8Array())).toThrow('a packed tree is empty');
  });
});

describe('a hash', () => {
  it('is the same as that of the server', () => {
    // Taken from aim.storage.hashing of Aim 3.29.1.
    expect(hashOf({})).toBe(-4504863053055089774n);
    expect(hashOf({ subset: 'train' })).toBe(-8686149688933388395n);
    expect(hashOf('loss')).toBe(-4955502144532098047n);
    const known: readonly (readonly [number, bigint])[] = [
      [0, 487590686800389010n],
      [1, 6813614137041369426n],
      [5, -3542956901667480204n],
      [-3, 3704077178527377284n],
      [12345678901, -6818349827501807044n],
    ];
    const steps = new StepHashes(4);
    for (const [step, hash] of [...known, ...known]) expect([step, steps.of(step)]).toEqual([step, hash]);
  });
});

describe('a column of numbers', () => {
  const answer = (cells: readonly (readonly [bigint, Tree])[]) => pack(cells.map(([key, value]) => [key, value]));

  it.each([
    [
      'floats',
      [
        [-5n, 0.5],
        [2n ** 62n, Number.NaN],
        [7n, -0],
      ],
    ],
    [
      'integers',
      [
        [1n, -1n],
        [0n, 2n ** 63n - 1n],
      ],
    ],
  ] as const)('is read as it is in the tree: %s', (_, cells) => {
    const column = readNumbers(answer(cells));
    expect([...(column?.entries() ?? [])]).toEqual(cells);
    expect(unpack(answer(cells))).toEqual(cells);
  });

  it('returns cells in their order, even if it has more than another column', () => {
    const column = readNumbers(
      answer([
        [3n, 0.5],
        [1n, 0.25],
        [2n, 0.125],
      ]),
    );
    expect([column?.next(3n), column?.next(2n), column?.next(1n)]).toEqual([0.5, 0.125, undefined]);
  });

  it('is invalid in any other form', () => {
    const floats = answer([
      [1n, 0.5],
      [2n, 0.25],
    ]);
    expect(readNumbers(answer([]))).toBeUndefined();
    expect(
      readNumbers(
        answer([
          [1n, 0.5],
          [2n, null],
        ]),
      ),
    ).toBeUndefined();
    expect(
      readNumbers(
        answer([
          [1n, 0.5],
          [2n, 1n],
        ]),
      ),
    ).toBeUndefined();
    expect(readNumbers(answer([[1n, 'text4567']]))).toBeUndefined();
    expect(readNumbers(floats.subarray(0, -1))).toBeUndefined();
    for (let at = 0; at < floats.length; at++) {
      const bent = Buffer.from(floats);
      bent[at] = (bent[at] ?? 0) ^ 0x10;
      const column = readNumbers(bent);
      // Either it is none, or a key or a value is another: the tree says the same.
      if (column !== undefined) expect([...column.entries()]).toEqual(unpack(bent));
    }
  });
});
