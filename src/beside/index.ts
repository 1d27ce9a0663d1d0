/** Compares a file that a tracker keeps beside the points of a run with what was stored there. */
export { fileDifference, type StoredContent } from './file-difference.ts';
