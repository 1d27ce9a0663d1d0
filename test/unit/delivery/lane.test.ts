import { describe, expect, test } from '@jest/globals';
import { capabilities } from '../../../src/backend-kit/index.ts';
import type { Handle, Parcel, PositionOwner } from '../../../src/contract/index.ts';
import { Lane } from '../../../src/delivery/index.ts';
import type { ObjectPoint } from '../../../src/model/index.ts';
import { event, eventFile, simpleValue } from '../../support/event-writer.ts';
import { decodeBytes } from '../../support/scripted-window.ts';

const [small] = decodeBytes(eventFile(event({ wallTime: 1, step: 1, summary: [simpleValue('loss', 1)] }))).batches;

/** A parcel with a point of this many bytes that is not a scalar. */
function parcel(bytes: number): Parcel {
  const point: ObjectPoint = {
    series: 0,
    step: 1,
    wallTime: 1,
    offset: 0,
    checksum: 0,
    index: 0,
    form: 'image',
    payload: new Uint8Array(bytes),
  };
  return { handle: 'run' as Handle, batch: { ...small!, objects: bytes === 0 ? [] : [point] } } as unknown as Parcel;
}

async function sendsOf(parcels: readonly Parcel[]): Promise<readonly number[]> {
  const sends: number[] = [];
  const backend = {
    describe: () => capabilities({ name: 'local', holds: {}, limits: { pointsPerSend: 1000, bytesPerSend: 1 << 30, runsPerSend: 100 } }),
    send: async (group: readonly Parcel[]) => {
      sends.push(group.length);
      return group.map(() => ({ kind: 'accepted', points: 1, refusals: [] }) as const);
    },
  } as unknown as PositionOwner;
  const lane = new Lane('local', backend, { parcelAccepted: () => undefined });
  for (const one of parcels) lane.offer(one, () => undefined);
  await lane.drain();
  return sends;
}

describe('a lane of a backend that owns its positions', () => {
  test('sends small parcels together', async () => {
    expect(await sendsOf([parcel(0), parcel(100), parcel(0), parcel(2000)])).toEqual([4]);
  });

  test('ends a send with the parcel that brings its objects over a mebibyte', async () => {
    const mib = 2 ** 20;
    expect(await sendsOf([parcel(mib - 1), parcel(2), parcel(5 * mib), parcel(10), parcel(10)])).toEqual([2, 1, 2]);
  });
});
