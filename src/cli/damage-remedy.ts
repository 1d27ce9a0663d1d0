import { foreignAdvice } from '../decode/index.ts';
import { formatMemory } from '../memory/index.ts';
import { isPending } from '../model/index.ts';
import type { FoundDamage } from '../status/index.ts';

/** The remedy if the system denies reading. */
export const LET_READ = 'give the user that runs mirrorboard read permission, or repair the disk or file server; the next pass reads it';

/** Returns what a person can do about damage; undefined if no action is needed. */
export function damageRemedy({ reason, detail, needs }: Pick<FoundDamage, 'reason' | 'detail' | 'needs'>): string | undefined {
  if (isPending({ reason })) return undefined;
  switch (reason) {
    case 'unreadable':
      return LET_READ;
    case 'too_large':
      return needs === undefined ? 'no amount of memory is enough: the rest of the file is mirrored' : `set memory: ${formatMemory(needs)}`;
    case 'bad_message':
      return 'none: its writer wrote it this way; the rest of the file is mirrored';
    default:
      return (detail === undefined ? undefined : foreignAdvice(detail)) ?? 'copy the file again from its source';
  }
}
