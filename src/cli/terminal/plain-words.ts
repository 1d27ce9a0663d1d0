/** Describes the problems of log files, in words for a person. */

import { counted } from '../../format.ts';
import { formatMemory } from '../../memory/index.ts';
import { type Damage, type DamageReason, runLabel } from '../../model/index.ts';
import type { FoundDamage, Incident } from '../../status/index.ts';
import { visibleText } from './visible-text.ts';

const REASONS: Readonly<Record<DamageReason, string>> = {
  length_checksum: "a record's length does not match its checksum",
  data_checksum: "a record's data does not match its checksum",
  bad_message: "a record's checksums match, but it does not contain an event",
  false_length: 'a record claims an impossible length: valid records begin inside it',
  unreadable: 'the system cannot read these bytes',
  too_large: 'a record is too large for the available memory',
  not_event_file: 'this is not an event file',
  torn: "the file's last record is incomplete",
  zeros: 'the file ends in zeros: the last record is not written yet',
  cut: 'the file is shorter than its mirrored part: it is being rewritten or was truncated; its points are kept',
};

const INCIDENTS: Readonly<Record<Incident['kind'], string>> = {
  vanished: 'the file disappeared before mirrorboard could read it',
  silent: 'does not answer',
  unreadable: 'the file cannot be read',
  replaced: 'the file now contains different records: mirrorboard read it again from the start',
  shortened: 'the file is shorter than before and contains different records: mirrorboard read it again from the start',
  link: 'not followed',
  folder: 'cannot be read',
  emptied: 'all of its mirrored files are missing: is it mounted? The mirrored data is kept',
  lost: 'the file was deleted before all of it was mirrored',
  store: 'the store is damaged',
  moved: 'moved from another path',
};

/** Returns why bytes cannot be read, and the remedy if there is one. */
export function damageReason(damage: Pick<FoundDamage, 'reason' | 'detail' | 'needs'>): string {
  const { reason, detail, needs } = damage;
  if (detail === undefined) return REASONS[reason];
  // The system's own text is the reason, and may have the same words.
  if (reason === 'unreadable') return visibleText(detail.startsWith(REASONS[reason]) ? detail : `${REASONS[reason]}: ${detail}`);
  const help = needs === undefined ? '' : `; to read it, set memory: ${formatMemory(needs)}`;
  return `${REASONS[reason]} (${visibleText(detail)}${help})`;
}

/** Returns the bytes of damage as a count; undefined if the length of the file is unknown. */
export function damageBytes({ start, end, reason }: Pick<Damage, 'start' | 'end' | 'reason'>): string | undefined {
  return reason === 'unreadable' && end - start === 1 ? undefined : counted(end - start, 'byte');
}

/**
 * Returns which bytes of which file cannot be read, and why. The offset has no separators, so that it can be copied.
 */
export function damageText({ run, file, start, end, ...damage }: FoundDamage): string {
  const bytes = damageBytes({ start, end, ...damage });
  const place = [visibleText(`${runLabel(run)}/${file}`), `offset ${start}`, ...(bytes === undefined ? [] : [bytes])].join(', ');
  return `${place}: ${damageReason(damage)}`;
}

/** Describes an obstacle below a root. */
export function obstacleText({
  path,
  reason,
  isLeft,
}: {
  readonly path: string;
  readonly reason: string;
  readonly isLeft?: boolean;
}): string {
  return `${isLeft === true ? 'not followed' : 'cannot be read'}: ${visibleText(path)}: ${visibleText(reason)}`;
}

/** Describes an event of a file or folder. */
export function incidentText({ kind, root, path, reason }: Incident): string {
  const what = reason === undefined ? INCIDENTS[kind] : `${INCIDENTS[kind]} (${visibleText(reason)})`;
  return `${visibleText(kind === 'store' ? path : runLabel({ root, path }))}: ${what}`;
}
