/** What can go wrong with log files, in words for a person. */
import { formatMemory } from '../../memory/index.ts';
import { type Damage, type DamageReason, runLabel } from '../../model/index.ts';
import type { FoundDamage, Incident } from '../../status/index.ts';
import { counted } from './format.ts';
import { visibleText } from './visible-text.ts';

const REASONS: Readonly<Record<DamageReason, string>> = {
  length_checksum: "a record's length does not match its checksum",
  data_checksum: "a record's data does not match its checksum",
  bad_message: "a record's checksums are right, but it does not hold an event",
  false_length: 'a record claims to be longer than it can be: sound records begin inside it',
  unreadable: "the system can't read these bytes",
  too_large: 'a record is too large for the memory there is',
  not_event_file: 'this does not look like an event file',
  torn: "the file's last record is not whole yet",
  zeros: 'the file ends in zeros: its last record is not written yet',
  cut: 'the file ends before what was mirrored of it does: it is being written anew, or was cut; the points are kept',
};

const INCIDENTS: Readonly<Record<Incident['kind'], string>> = {
  vanished: 'the file vanished before it could be read',
  silent: 'does not answer',
  unreadable: 'the file cannot be read',
  replaced: 'the file now holds other records: it was read again from its start',
  shortened: 'the file is shorter than it was and holds other records: it was read again from its start',
  link: 'not followed',
  folder: 'cannot be read',
  emptied: 'every file that was mirrored from it is gone: is it mounted? What was mirrored is kept',
  lost: 'the file is gone, and not all of it was mirrored',
  store: 'the store is damaged',
  moved: 'it lay elsewhere before',
};

/** Why bytes can't be read, and what would help where something would. */
export function damageReason(damage: Pick<FoundDamage, 'reason' | 'detail' | 'needs'>): string {
  const { reason, detail, needs } = damage;
  if (detail === undefined) return REASONS[reason];
  // What the system said is the reason itself, and may say it in the same words.
  if (reason === 'unreadable') return visibleText(detail.startsWith(REASONS[reason]) ? detail : `${REASONS[reason]}: ${detail}`);
  const help = needs === undefined ? '' : `; with memory: ${formatMemory(needs)} it would be read`;
  return `${REASONS[reason]} (${visibleText(detail)}${help})`;
}

/** The bytes of damage as a count; undefined where nobody could tell how long the file is. */
export function damageBytes({ start, end, reason }: Pick<Damage, 'start' | 'end' | 'reason'>): string | undefined {
  return reason === 'unreadable' && end - start === 1 ? undefined : counted(end - start, 'byte');
}

/** Which bytes of which file can't be read, and why. The offset has no separators, it is there to be copied. */
export function damageText({ run, file, start, end, ...damage }: FoundDamage): string {
  const bytes = damageBytes({ start, end, ...damage });
  const place = [visibleText(`${runLabel(run)}/${file}`), `offset ${start}`, ...(bytes === undefined ? [] : [bytes])].join(', ');
  return `${place}: ${damageReason(damage)}`;
}

/** What stands between us and something below a root. */
export function obstacleText({
  path,
  reason,
  isLeft,
}: {
  readonly path: string;
  readonly reason: string;
  readonly isLeft?: boolean;
}): string {
  return `${isLeft === true ? 'not followed' : 'can not be read'}: ${visibleText(path)}: ${visibleText(reason)}`;
}

/** What became of a file or folder. */
export function incidentText({ kind, root, path, reason }: Incident): string {
  const what = reason === undefined ? INCIDENTS[kind] : `${INCIDENTS[kind]} (${visibleText(reason)})`;
  return `${visibleText(kind === 'store' ? path : runLabel({ root, path }))}: ${what}`;
}
