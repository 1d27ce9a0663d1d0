import { formatCount } from './format.ts';
import { visibleText } from './visible-text.ts';

/**
 * Of the roots of a running watch, by its status document, those that it does not listen to whole: new runs in the rest are seen
 * by scans alone. What is polled anyway, by choice or for its file system, is none.
 */
export function hearingLines(roots: unknown): string[] {
  if (!Array.isArray(roots)) return [];
  return (roots as readonly Readonly<Record<string, unknown>>[]).flatMap((root) => {
    const reason = root['notifications_short'];
    if (typeof reason !== 'string') return [];
    const [heard, all] = [Number(root['notified_directories']), Number(root['directories'])];
    return [
      `${visibleText(String(root['name']))}: ${formatCount(heard)} of ${formatCount(all)} directories are listened to: ${reason}`,
      '  a new run in the others is seen by the next scan; a file that grows is looked at all the same',
      ...(reason.includes('ENOSPC') ? ['  remedy: more of them, sysctl fs.inotify.max_user_watches=524288'] : []),
    ];
  });
}
