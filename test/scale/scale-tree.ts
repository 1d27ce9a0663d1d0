// A tree that has many of each: runs, files in one run, tags in one file, links.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { event, eventFile, frame, simpleValue } from '../support/event-writer.ts';

export interface ScaleTree {
  readonly runs: number;
  /** In one run. */
  readonly files: number;
  /** In one run, and one file. */
  readonly tags: number;
  /** To one directory without event files. */
  readonly links: number;
}

const NAME = 'events.out.tfevents.1700000000.host.1.0';

/**
 * Writes `many-runs`, `many-files`, `many-tags` and `many-links` into a folder: one point for each run, file and tag.
 */
export function writeScaleTree(folder: string, { runs, files, tags, links }: ScaleTree): void {
  for (let i = 0; i < runs; i++) put(join(folder, 'many-runs', `g${i % 200}`, `r${i}`), NAME, scalar('loss', i));
  for (let i = 0; i < files; i++)
    put(join(folder, 'many-files', 'exp'), `events.out.tfevents.17${String(i).padStart(8, '0')}.h`, scalar('loss', i));
  const events = Array.from({ length: tags }, (_, i) => event({ wallTime: 1000 + i, step: i, summary: [simpleValue(`tag ${i}`, i)] }));
  put(join(folder, 'many-tags', 'exp'), NAME, Buffer.concat([eventFile(), ...events.map(frame)]));
  mkdirSync(join(folder, 'many-links', 'to', 'nothing'), { recursive: true });
  for (let i = 0; i < links; i++) symlinkSync('to', join(folder, 'many-links', String(i)));
}

function scalar(tag: string, step: number): Uint8Array {
  return eventFile(event({ wallTime: 1000 + step, step, summary: [simpleValue(tag, step)] }));
}

function put(folder: string, name: string, bytes: Uint8Array): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), bytes);
}
