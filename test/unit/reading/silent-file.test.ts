// What another thread found not to answer: this thread is told of it, and passes it over.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { answersAgain, CallMark, markCalls, passOver } from '../../../src/calls/index.ts';
import type { FileState } from '../../../src/model/index.ts';
import type { ReadEvent, RunJob } from '../../../src/reading/read-event.ts';
import { FileWindow } from '../../../src/tail/index.ts';
import { directoryAt } from '../../support/directory.ts';
import { concat, event, frame, simpleValue, versionEvent } from '../../support/event-writer.ts';
import { readRun } from '../../support/read-run.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { walk } from '../../support/walk.ts';

const NAME = 'events.out.tfevents.1';
const REASON = 'has not answered since 2026-01-01T00:00:00.000Z';
const EVENTS = concat(frame(versionEvent()), frame(event({ wallTime: 1, step: 1, summary: [simpleValue('loss', 1)] })));

let folder: string;
let logs: string;
/** What is passed over. */
let passed: string[];
beforeEach(() => {
  folder = temporaryFolder();
  logs = join(folder, 'logs');
  mkdirSync(logs);
  passed = [];
  markCalls(new CallMark());
});
afterEach(() => {
  for (const path of passed) answersAgain(path);
});

function silence(path: string): void {
  passed.push(path);
  passOver(path, REASON);
}

function read(files: RunJob['files'], again: RunJob['again'] = []): ReadEvent[] {
  const run = { root: 'logs', path: '.' };
  return [...readRun({ run, directory: directoryAt(logs), files, again, series: [], settled: true }, new FileWindow())].slice(0, -1);
}

const outcomes = (events: readonly ReadEvent[]): unknown[] => events.map((one) => (one.kind === 'file' ? one.outcome : one.kind));

test('a linked file whose target does not answer is silent, not damaged', () => {
  const target = join(folder, NAME);
  writeFileSync(target, EVENTS);
  symlinkSync(target, join(logs, NAME));
  silence(target);
  expect(read([{ name: NAME }])).toEqual([
    { kind: 'file', run: { root: 'logs', path: '.' }, file: NAME, outcome: 'silent', size: 0, reason: REASON },
  ]);
  answersAgain(target);
  expect(outcomes(read([{ name: NAME }]))).toEqual(['batch', 'read']);
});

test('a silent file is silent again if it is read once more', () => {
  const target = join(folder, NAME);
  writeFileSync(target, EVENTS);
  symlinkSync(target, join(logs, NAME));
  const [first] = read([{ name: NAME }]);
  const { state } = first as { readonly state: FileState };
  silence(target);
  const again = [{ state, ranges: [{ start: 0, end: EVENTS.length }] }];
  expect(read([], again)).toMatchObject([{ kind: 'file', outcome: 'silent', reason: REASON }]);
});

test('of two names that are not UTF-8 only the silent one is skipped', () => {
  const [e9, e8] = [0xe9, 0xe8].map((byte) => Buffer.concat([Buffer.from(`${logs}/${NAME}.`), Buffer.of(byte)]));
  writeFileSync(e9 as Buffer, EVENTS);
  writeFileSync(e8 as Buffer, EVENTS);
  silence(join(logs, `${NAME}.\\xe9`));
  expect(outcomes(read([{ name: `${NAME}.\\xe9` }, { name: `${NAME}.\\xe8` }]))).toEqual(['silent', 'batch', 'read']);
});

test('a link that does not answer is an obstacle that may hide runs', () => {
  mkdirSync(join(folder, 'away'));
  symlinkSync(join(folder, 'away'), join(logs, 'away'));
  silence(join(folder, 'away'));
  expect(walk(logs).obstacles).toEqual([{ path: 'away', reason: `a link: ${REASON}` }]);
  expect(walk(logs, 'away').obstacles).toEqual([{ path: 'away', reason: REASON }]);
});
