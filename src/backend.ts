/**
 * `mirrorboard/backend`: what a backend in a package of its own needs. The contract's types, the kit that our own
 * backends stand on, the HTTP client they share, and how objects are decoded. docs/adding-a-backend.md is the guide.
 */
export {
  chunksOf,
  contentHash,
  cutLines,
  type HeadFields,
  type LineNames,
  linesOf,
  type NeededFile,
  onceEach,
  pointText,
  readPoint,
  type SegmentLine,
  type SegmentPlace,
  type StoredPoint,
  scalarText,
} from './backend-kit/exact-points/index.ts';
export {
  addPlace,
  agreeOnOne,
  type Contenders,
  FileMarks,
  inPlaces,
  nameBeside,
  sayTaken,
  whoseRun,
  withoutLeft,
} from './backend-kit/identity/index.ts';
export {
  type Announced,
  blobsOf,
  capabilities,
  fileDifference,
  hparamNames,
  type ParcelPoint,
  type PointKind,
  pointsOf,
  type StoredContent,
} from './backend-kit/index.ts';
export {
  ADDRESS,
  count,
  type Fields,
  HEADERS,
  type Kind,
  LIST,
  oneOf,
  PATH,
  SECONDS,
  Section,
  SWITCH,
  TEXT,
} from './backend-kit/settings/index.ts';
export type * from './contract/index.ts';
export type { Environment } from './environment.ts';
export { type ErrorCode, errorCodes, MirrorError } from './errors.ts';
export {
  type Auth,
  type BodyStream,
  type HttpAnswer,
  HttpClient,
  type HttpHeaders,
  type HttpOptions,
  type HttpRequest,
  headerOf,
  redact,
} from './http/index.ts';
export {
  type Batch,
  type Blob,
  type Damage,
  type FileState,
  type Histogram,
  interpret,
  type Json,
  type JsonObject,
  jsonNumber,
  jsonText,
  type ObjectPoint,
  type PointForm,
  type Position,
  pointCount,
  type RunRef,
  type ScalarColumns,
  type Series,
  type Tensor,
  tensorNumbers,
  toMillis,
  type Value,
  valueJson,
} from './model/index.ts';
