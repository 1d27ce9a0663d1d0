/** The thread that compares runs of a local store, one after the other, as `RunPass` does. */
import { PatientReader } from '../reading/index.ts';
import { serveTasks } from '../workers/index.ts';
import type { Difference } from './compare/index.ts';
import { RunPass } from './run-pass.ts';
import type { DifferencePiece, RunFindings, RunNote, RunSteps, RunWork } from './run-protocol.ts';
import { openStoreSource } from './store-source.ts';
import { VerifyLog } from './verify-log.ts';
import type { VerifiedRun } from './verify-scope.ts';

/** Differences that are sent together. */
const PIECE = 500;

serveTasks<RunWork, VerifiedRun, DifferencePiece, RunFindings, RunNote>(({ store, sample }, link) => {
  const { signal } = link;
  const log = new VerifyLog(sample, signal, [], () => link.note({ kind: 'steps', steps: stepsSince() }));
  const reader = new PatientReader({ fellSilent: (path, sinceMs) => link.note({ kind: 'waits', path, sinceMs }) });
  signal.addEventListener('abort', () => reader.stop());
  let source: ReturnType<typeof openStoreSource> | undefined;
  let before: RunSteps = { points: 0, records: 0, bytes: 0, files: 0, damaged: 0 };

  const stepsSince = (): RunSteps => {
    const { points, records, bytes, files, damaged } = log.progress;
    const now = { points, records, bytes: bytes.read, files: files.done, damaged };
    const steps = {
      points: now.points - before.points,
      records: now.records - before.records,
      bytes: now.bytes - before.bytes,
      files: now.files - before.files,
      damaged: now.damaged - before.damaged,
    };
    before = now;
    return steps;
  };

  return {
    async work(candidate) {
      let waiting: Difference[] = [];
      const send = (): void => {
        if (waiting.length > 0) link.send(waiting, 1);
        waiting = [];
      };
      const onDifference = (difference: Difference): void => {
        if (waiting.push(difference) >= PIECE) send();
      };
      try {
        source ??= openStoreSource(store);
        const options = { source, signal, onDifference, ...(sample === undefined ? {} : { sample }) };
        await new RunPass(options, log, reader).compare(candidate);
        send();
        link.note({ kind: 'steps', steps: stepsSince() });
        return findings(log);
      } catch (error) {
        send();
        findings(log);
        throw error;
      }
    },
    async close() {
      await reader.close();
      source?.[Symbol.dispose]();
    },
  };
});

/** Takes the findings out of the log. */
function findings({ verdicts, troubled, damagedFiles, obstacles }: VerifyLog): RunFindings {
  return {
    verdicts: verdicts.splice(0),
    troubled: troubled.splice(0),
    damagedFiles: damagedFiles.splice(0),
    obstacles: obstacles.splice(0),
  };
}
