/**
 * Files of lines that hold points exactly, for values that a tracker's own forms cannot hold. Each backend names and
 * finds them in its own way.
 */

export {
  type ExactFile,
  exactFileFrom,
  fileHash,
  inOrder,
  markText,
  nameHash,
  type PointIdentity,
  positionHash,
} from './files.ts';
export {
  contentHash,
  cutLines,
  type ExactLine,
  type HeadFields,
  type LineNames,
  linesOf,
  type NeededFile,
  pointText,
  readPoint,
  type StoredPoint,
  scalarText,
} from './lines.ts';
export { chunksOf, type ExactFileSource, onceEach } from './reading.ts';
