/** The canonical model: the parts of a run after its event files are decoded. Pure. */

export * from './batch.ts';
export { Catalogue } from './catalogue.ts';
export { classify, RUN_GRAPH_TAG } from './classify.ts';
export { dtypeName, dtypeNumber } from './dtype.ts';
export { changedMsOf, fileStamp, inodeOf, isAsRecent } from './file-stamp.ts';
export { compareNames, filePathOf, keyOfFile, keyOfRun, type RunRef, runLabel } from './identity.ts';
export { interpret, type RawValue } from './interpret.ts';
export { joinBatches } from './join-batches.ts';
export { jsonNumber, jsonText } from './json-text.ts';
export { KINDS, type Kind, kindOf, pluginOf } from './kind.ts';
export { isRootPaused, isWholePaused, type LanePause } from './lane-pause.ts';
export { npyOf } from './npy.ts';
export * from './position.ts';
export { selectPoints } from './select-points.ts';
export type { DataClass, Series } from './series.ts';
export { parseShard, type Shard, shardOf, shardText } from './shard.ts';
export { int64, type Tensor, tensorNumbers } from './tensor.ts';
export { textInEvent } from './text-in-event.ts';
export { type Forgetting, KEPT_STAMP, type Removal, type Tidying } from './tidying.ts';
export { toMillis } from './to-millis.ts';
export type { AudioClip, AudioFormat, Histogram, Json, JsonObject, Value } from './value.ts';
export { type Blob, sha256Of, textJson, valueJson } from './value-json.ts';
export { weightOfSeries, weighValue } from './weight.ts';
export { type Going, withRoom } from './with-room.ts';
