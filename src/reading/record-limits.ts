import type { RecordLimits } from '../decode/index.ts';
import { memoryForRecord, memoryForTags, memoryForValues, memoryInUse, memoryShares, recordsAtOnce } from '../memory/index.ts';

/** How large a record may be with the memory there is. */
export function recordLimits(): RecordLimits {
  const { record, values, tags } = memoryShares();
  const atOnce = recordsAtOnce(memoryInUse());
  return {
    record,
    values,
    tags,
    needsForRecord: (bytes) => memoryForRecord(bytes, atOnce),
    needsForValues: memoryForValues,
    needsForTags: memoryForTags,
  };
}
