/** Provides the bytes of one file from an offset, and tells what happened to the file. */
export { FileWindow } from './file-window.ts';
export {
  beginningOf,
  type Change,
  compareFile,
  compareWithState,
  firstMark,
  type Likeness,
  likenessOf,
  validBeginningOf,
} from './guard.ts';
export { type OpenFile, openFile, readAt } from './open-file.ts';
export type { UnreadableRange } from './read-around.ts';
