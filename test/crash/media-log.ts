// A run with many media, to be killed while they are written.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as w from '../support/event-writer.ts';
import { seededRandom } from './backfill-kill.ts';

/** `events` records with an image, a scalar and every tenth time a clip; the same bytes for the same seed. */
export function writeMediaLog(directory: string, events: number, seed = 1): void {
  const random = seededRandom(seed);
  const bytes = (head: readonly number[], length: number): Uint8Array =>
    Uint8Array.from({ length }, (_, i) => head[i] ?? Math.floor(random() * 256));
  const records = Array.from({ length: events }, (_, step) => {
    const png = bytes([0x89, 0x50, 0x4e, 0x47], 500 + Math.floor(random() * 8000));
    const summary = [w.imageTensor('picture', { width: 4, height: 4, images: [png] }), w.simpleValue('loss', random())];
    if (step % 10 === 0) summary.push(w.audioTensor('sound', [{ encoded: bytes([0x52, 0x49, 0x46, 0x46], 4000), label: `clip ${step}` }]));
    return w.event({ wallTime: 1_700_000_000 + step, step, summary });
  });
  mkdirSync(join(directory, 'media'), { recursive: true });
  writeFileSync(join(directory, 'media', 'events.out.tfevents.1700000000.host.1'), w.eventFile(...records));
}
