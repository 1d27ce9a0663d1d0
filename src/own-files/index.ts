/** Creates mirrorboard's own files and folders: private, under no link, and whole or not at all. */

export { type DurableOptions, readOwnFile, writeDurably } from './durable-file.ts';
export { flushFolder, flushFolderAsync } from './flush-folder.ts';
export { NEW_FILE, openNewFile, removeLeftOvers, replaceOwnFile, temporaryName } from './new-file.ts';
export { checkOwnFile, createOwnDatabase } from './own-database.ts';
export { makeOwnFolder, ownFileMode, ownFolderMode, setOwnUmask } from './own-mode.ts';
export { WholeFile } from './whole-file.ts';
