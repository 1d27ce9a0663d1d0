/**
 * Handles calls to file systems that may never return: tells which call a thread is in and since when, and leaves
 * such a thread behind.
 */

export { AbandonedCall, abandon, closeWorker, hasAbandonedWork } from './abandoned-calls.ts';
export { CallMark, CallView, type OpenCall } from './call-mark.ts';
export {
  accessSync,
  answersAgain,
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  markCalls,
  openSync,
  passOver,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  statfsSync,
  statSync,
} from './file-system.ts';
export { inTime } from './in-time.ts';
export { FIRST_DEADLINE_MS, MOST_ABANDONED, nextDeadline, REPORT_AFTER_MS, silenceText, wallOf } from './silence.ts';
