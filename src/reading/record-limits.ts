import type { RecordLimits } from '../decode/index.ts';
import { memoryForRecord, memoryForTags, memoryForValues, memoryInUse, memoryShares, recordsAtOnce } from '../memory/index.ts';

/** Returns how large a record may be with the available memory. */
export function recordLimits(): RecordLimits {
  const { record, values, tags, batch } = memoryShares();
  const atOnce = recordsAtOnce(memoryInUse());
  return {
    record,
    values,
    tags,
    batch,
    needsForRecord: (bytes) => memoryForRecord(bytes, atOnce),
    needsForValues: memoryForValues,
    needsForTags: memoryForTags,
  };
}
