/** Code that all backends share, except for their protocols. Import subfolders through their own `index.ts`. */

export { lengthDelimited, varintIn } from '../proto/wire.ts';
export { type Announced, capabilities, type PointKind } from './capabilities.ts';
export { fileDifference, filesThatDiffer, type StoredContent } from './file-difference.ts';
export { firstWords, lookedThrough } from './foreign-look.ts';
export { handleReader, handleText, isName } from './handles.ts';
export { hparamNames } from './hparam-names.ts';
export { type PieceLimits, piecesOf } from './pieces.ts';
export { blobsOf, eachScalar, type ParcelPoint, pointsOf } from './points.ts';
export { Rounds } from './rounds.ts';
export { type ExactValue, exactValue, fieldOf, hparamsOf, isShownImage } from './values.ts';
