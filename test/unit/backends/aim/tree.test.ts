import { describe, expect, it } from '@jest/globals';
import { hashOf, StepHashes } from '../../../../src/backends/aim/hash.ts';
import { AimBlob, Custom, pack, type Tree, unpack } from '../../../../src/backends/aim/tree.ts';

describe('a packed tree', () => {
  it('is written as the server writes it', () => {
    // What the server's own encoder makes of {} and [False].
    expect(pack({}).toString('hex')).toBe('00000000000100000007');
    expect(pack([false]).toString('hex')).toBe(
      '0000000000010000000' + '6' + '0a000000' + 'fe0000000000000000fe' + '00' + '02000000' + '0100',
    );
  });

  it('reads what it writes, integers and floats apart', () => {
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
  it('is that of the server', () => {
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
