/**
 * Segments: files of lines that hold points exactly as they were, for what a tracker's own forms cannot hold. How each
 * tracker names and finds them is its own matter.
 */
export {
  contentHash,
  cutLines,
  type HeadFields,
  type LineNames,
  linesOf,
  type NeededFile,
  pointText,
  readPoint,
  type SegmentLine,
  type StoredPoint,
  scalarText,
} from './lines.ts';
export {
  fileHash,
  inOrder,
  markText,
  nameHash,
  type PointPlace,
  placeHash,
  type Segment,
  segmentFrom,
} from './places.ts';
export { chunksOf, onceEach, type SegmentPlace } from './reading.ts';
