import type { RecordLimits } from '../decode/index.ts';
import { memoryForRecord, memoryForTags, memoryForValues, memoryInUse, memoryShares } from '../memory/index.ts';

/** How large a record may be with the memory there is. */
export function recordLimits(): RecordLimits {
  const { record, values, tags } = memoryShares();
  const { trackers } = memoryInUse();
  return {
    record,
    values,
    tags,
    needsForRecord: (bytes) => memoryForRecord(bytes, trackers),
    needsForValues: memoryForValues,
    needsForTags: memoryForTags,
  };
}
