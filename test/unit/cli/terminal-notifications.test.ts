import { describe, expect, it } from '@jest/globals';
import { notificationLines } from '../../../src/cli/terminal/index.ts';

describe('the lines of status about notifications', () => {
  it('are empty if every directory is watched', () => {
    expect(notificationLines([{ name: 'logs', directories: 9, notified_directories: 9, notifications_short: null }])).toEqual([]);
    expect(notificationLines(undefined)).toEqual([]);
  });

  it('name the root, the covered part, the reason, and the consequence', () => {
    const roots = [
      { name: 'logs', directories: 5000, notified_directories: 2000, notifications_short: 'mirrorboard does not request more' },
    ];
    expect(notificationLines(roots)).toEqual([
      'logs: 2,000 of 5,000 directories have change notifications: mirrorboard does not request more',
      '  the next scan finds new runs in the others; polling still follows growing files',
    ]);
  });

  it('explain the remedy if the system has no more', () => {
    const roots = [{ name: 'logs', directories: 50, notified_directories: 2, notifications_short: 'the system gives no more (ENOSPC)' }];
    expect(notificationLines(roots).at(-1)).toContain('fs.inotify.max_user_watches');
  });
});
