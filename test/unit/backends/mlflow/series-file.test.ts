import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Backend, Handle, TrackerParcel } from '../../../../src/contract/index.ts';
import type { Series } from '../../../../src/model/index.ts';
import { connectMlflow, mlflowType } from '../../../contract/mlflow-harness.ts';
import { MlflowStub } from '../../../support/mlflow-stub/index.ts';
import { parcelOf, type Row, signal, source } from './server.ts';

const type = (await mlflowType())!;
let stub: MlflowStub;
let backend: Backend;
let handle: Handle;
beforeEach(async () => {
  stub = await MlflowStub.start();
  await connect();
});
afterEach(async () => {
  await backend.close();
  await stub.close();
});

async function connect(section: object = {}): Promise<void> {
  backend = await connectMlflow(type, { tracking_uri: stub.url, ...section });
  handle = await backend.open(source, undefined, signal);
}

type Said = Partial<Pick<Series, 'displayName' | 'description' | 'dataClass' | 'metadata'>>;

/** Scalars whose series say something of themselves, by tag. */
function saying(said: Readonly<Record<string, Said>>, rows: readonly Row[], start = 0): TrackerParcel {
  const parcel = parcelOf(handle, rows, start);
  return { ...parcel, series: parcel.series.map((series) => ({ ...series, ...said[series.tag] })) };
}
const LOSS = { displayName: 'Loss ✓', description: 'of **training**', dataClass: 'scalar', metadata: Uint8Array.of(10, 0, 255) } as const;
const HELD = { plugin: 'scalars', data_class: 'scalar', display_name: 'Loss ✓', description: 'of **training**', metadata: 'CgD/' };
const other = (byte: number): Said => ({ metadata: Uint8Array.of(byte) });
const heldOther = (metadata: string): object => ({ plugin: 'scalars', data_class: 'unknown', metadata });

const file = (): unknown => JSON.parse(String(stub.artifactsOf(stub.run('train/a')).get('mirrorboard/series.json') ?? 'null'));
const requests = (): number => (stub.counts.get('artifacts/put') ?? 0) + (stub.counts.get('artifacts/get') ?? 0);

describe('the metadata of series', () => {
  test('is kept in one file of the run, which is written only if a series is new', async () => {
    await backend.send(
      [
        saying({ loss: LOSS }, [
          ['loss', 1, 1, 1],
          ['plain', 1, 1, 1],
        ]),
      ],
      signal,
    ); // prettier-ignore
    expect(file()).toEqual({ loss: HELD });
    const before = requests();
    await backend.send([saying({ loss: LOSS }, [['loss', 2, 2, 1]], 20)], signal);
    expect(requests()).toBe(before);
    await backend.send([saying({ acc: other(1) }, [['acc', 2, 2, 1]], 40)], signal);
    expect(file()).toEqual({ loss: HELD, acc: heldOther('AQ==') });
    expect(stub.violations).toEqual([]);
  });

  test('is extended by another process, which writes only if a series is new', async () => {
    await backend.send([saying({ loss: LOSS }, [['loss', 1, 1, 1]])], signal);
    await backend.close();
    await connect();
    const puts = stub.counts.get('artifacts/put');
    await backend.send([saying({ loss: LOSS }, [['loss', 2, 2, 1]], 20)], signal);
    expect(stub.counts.get('artifacts/put')).toBe(puts);
    await backend.send([saying({ 'a"\n': other(2) }, [['a"\n', 2, 2, 1]], 40)], signal);
    expect(file()).toEqual({ loss: HELD, 'a"\n': heldOther('Ag==') });
  });

  test('is stored before its points: if it cannot be stored, they wait, too', async () => {
    stub.fail({ kind: 'status', status: 503 }, { on: ['artifacts/put'] });
    const parcel = saying({ loss: LOSS }, [['loss', 1, 1, 1]]);
    expect(await backend.send([parcel], signal)).toMatchObject([{ kind: 'retry' }]);
    expect(stub.run('train/a').metrics.size).toBe(0);
    expect(await backend.send([parcel], signal)).toMatchObject([{ kind: 'accepted', points: 1 }]);
    expect(file()).toEqual({ loss: HELD });
  });

  test('is left out if runs have no files', async () => {
    await backend.close();
    await connect({ artifacts: false });
    expect(await backend.send([saying({ loss: LOSS }, [['loss', 1, 1, 1]])], signal)).toMatchObject([{ kind: 'accepted', points: 1 }]);
    expect(requests()).toBe(0);
  });
});
