/** Decides which run a tracker run belongs to, and lets several processes agree on one. */
export { FileMarks } from './file-marks.ts';
export { agreeOnOne, byTicket, type Contenders, missingTicket, withoutLeft } from './one-run.ts';
export {
  type Candidate,
  holderSource,
  isPlainlyOwn,
  isWhoseRun,
  numberedName,
  parentSource,
  type RunMark,
  sortOut,
  warnNameTaken,
  whoseRun,
} from './run-identity.ts';
