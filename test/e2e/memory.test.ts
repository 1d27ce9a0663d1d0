import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { maskedCrc32c } from '../../src/decode/index.ts';
import { concat, event, eventFile, image, simpleValue } from '../support/event-writer.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { start } from './command.ts';

const MIB = 2 ** 20;
const NAME = 'events.out.tfevents.1700000000.host.1.0';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
function write(path: string, bytes: Uint8Array): string {
  const file = join(folder, 'logs', path, NAME);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, bytes);
  return file;
}

const loss = (step: number): Uint8Array => event({ wallTime: step, step, summary: [simpleValue('loss', step)] });

interface Summary {
  readonly totals: { readonly new_points: number };
  readonly damage: readonly { readonly reason: string; readonly detail?: string; readonly needs?: number }[];
}

async function backfill(memory: string): Promise<{ readonly code: number | null; readonly summary: Summary }> {
  const { code, stdout } = await start(['backfill', 'logs', '--store', 's.db', '--memory', memory, '--json'], { cwd: folder }).ended;
  return { code, summary: JSON.parse(stdout) as Summary };
}

describe('a memory limit', () => {
  it('names a record that is too large for it, mirrors the rest, and mirrors the record once the limit is higher', async () => {
    const encoded = new Uint8Array(20 * MIB).fill(7);
    write('exp', eventFile(loss(1), event({ wallTime: 2, step: 2, summary: [image('img', { width: 1, height: 1, encoded })] }), loss(3)));
    const small = await backfill('160MiB');
    expect(small.code).toBe(1);
    expect(small.summary.damage).toMatchObject([
      { reason: 'too_large', detail: expect.stringContaining('the limit is'), needs: expect.any(Number) },
    ]);
    expect(small.summary.totals.new_points).toBe(2);
    const again = await backfill('160MiB');
    expect(again.summary.damage).toHaveLength(1);
    const { needs = 0 } = small.summary.damage[0] ?? {};
    const large = await backfill(String(needs));
    expect(large.summary.damage).toEqual([]);
    expect(large.code).toBe(0);
    const { stdout } = await start(['verify', '--store', 's.db', '--memory', '1GiB', '--json'], { cwd: folder }).ended;
    expect(JSON.parse(stdout)).toMatchObject({ exit_code: 0 });
  });

  it('reads the records after a length of 2046 MiB that only a hole follows', async () => {
    const header = new Uint8Array(12);
    const view = new DataView(header.buffer);
    view.setUint32(0, 2046 * MIB, true);
    view.setUint32(8, maskedCrc32c(view, 0, 8), true);
    const start = eventFile(loss(1));
    const file = write('exp', concat(start, header));
    truncateSync(file, start.length + 16 + 2046 * MIB);
    writeFileSync(file, concat(eventFile(loss(2)).subarray(eventFile().length)), { flag: 'a' });
    const { code, summary } = await backfill('256MiB');
    expect(code).toBe(1);
    expect(summary.totals.new_points).toBe(2);
    expect(summary.damage).toMatchObject([{ reason: 'data_checksum' }]);
  });

  it('refuses an invalid size', async () => {
    const { code, stderr } = await start(['inspect', '.', '--memory', 'lots'], { cwd: folder }).ended;
    expect([code, stderr]).toEqual([2, expect.stringContaining('a size of at least 64MiB')]);
  });
});
