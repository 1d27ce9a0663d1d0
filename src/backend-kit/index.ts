/** What backends have in common beside their wires: whose a tracker run is, and how several processes agree on one. */
export { addPlace, agreeOnOne, inPlaces, type Contenders, withoutLeft } from './one-run.ts';
export { FileMarks } from './file-marks.ts';
export { hparamNames } from './hparam-names.ts';
export {
  type Candidate,
  holderSource,
  isPlainlyOwn,
  isWhoseRun,
  nameBeside,
  parentSource,
  type RunMark,
  sayTaken,
  sortOut,
  whoseRun,
} from './run-identity.ts';
