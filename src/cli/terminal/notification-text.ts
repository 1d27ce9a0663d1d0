import { formatCount } from '../../format.ts';
import { visibleText } from './visible-text.ts';

/**
 * Returns lines about the roots of a running watch that it does not listen to completely: only scans find new runs in
 * the rest. Reads its status document. Leaves out roots that are polled in any case, by choice or because of their
 * file system.
 */
export function notificationLines(roots: unknown): string[] {
  if (!Array.isArray(roots)) return [];
  return (roots as readonly Readonly<Record<string, unknown>>[]).flatMap((root) => {
    const reason = root['notifications_short'];
    if (typeof reason !== 'string') return [];
    const watched = formatCount(Number(root['notified_directories']));
    const all = formatCount(Number(root['directories']));
    return [
      `${visibleText(String(root['name']))}: ${watched} of ${all} directories have change notifications: ${reason}`,
      '  the next scan finds new runs in the others; polling still follows growing files',
      ...(reason.includes('ENOSPC') ? ['  remedy: raise the limit, sysctl fs.inotify.max_user_watches=524288'] : []),
    ];
  });
}
