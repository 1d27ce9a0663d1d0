/** What backends have in common beside their wires; the rooms below have doors of their own. */

export { lengthDelimited, varintIn } from '../proto/wire.ts';
export { type Announced, capabilities, type PointKind } from './capabilities.ts';
export { fileDifference, type StoredContent } from './file-difference.ts';
export { firstWords, lookedThrough } from './foreign-look.ts';
export { hparamNames } from './hparam-names.ts';
export { blobsOf, type ParcelPoint, pointsOf } from './points.ts';
