import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { DirectoryNotifications, hasNotifications, type WatchDirectory } from '../../../src/discover/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** The system with so many notifications to give. */
class System {
  readonly open: string[] = [];
  #room: number;
  #tell = new Map<string, (event: string, name: string | undefined) => void>();

  constructor(room: number) {
    this.#room = room;
  }

  set room(room: number) {
    this.#room = room;
  }

  readonly watch: WatchDirectory = (path, onEvent) => {
    if (this.open.length >= this.#room)
      throw Object.assign(new Error('System limit for number of file watchers reached'), { code: 'ENOSPC' });
    this.open.push(path);
    this.#tell.set(path, onEvent);
    const handle = { close: () => void this.open.splice(this.open.indexOf(path), 1), on: () => handle };
    return handle as unknown as ReturnType<WatchDirectory>;
  };

  tell(path: string, event: string, name?: string): void {
    this.#tell.get(path)?.(event, name);
  }
}

let base = '';
let now = 0;
beforeEach(() => {
  base = temporaryFolder();
  now = 10_000_000;
});
interface Scene {
  readonly notifications: DirectoryNotifications;
  readonly system: System;
  readonly reported: [number, string][];
  readonly names: string[];
  readonly lost: string[];
}

function notificationsOf(directories: readonly string[], { room = 1000, most = 1000 } = {}): Scene {
  for (const directory of directories) mkdirSync(join(base, directory), { recursive: true });
  const system = new System(room);
  const reported: [number, string][] = [];
  const names: string[] = [];
  const lost: string[] = [];
  const notifications = new DirectoryNotifications({
    watch: { directoriesToWatch: (_, upTo) => directories.map((directory) => join(base, directory)).slice(0, upTo) },
    most: () => most,
    onName: (path) => names.push(path),
    onLost: (path) => lost.push(path),
    onChanged: (count, reason) => reported.push([count, reason]),
    nowMs: () => now,
    watchDirectory: system.watch,
  });
  return { notifications, system, reported, names, lost };
}

const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

(hasNotifications(tmpdir()) ? describe : describe.skip)('listening to directories', () => {
  it('keeps to its limit', () => {
    const { notifications, system, reported } = notificationsOf(names('d', 20), { most: 5 });
    expect(notifications.arrange()).toHaveLength(5);
    expect(notifications.arrange()).toEqual([]);
    expect(system.open).toHaveLength(5);
    expect(reported).toEqual([[5, '']]);
  });

  it('continues with half of its watches if the system has no more, warns once, and tries again after an hour', () => {
    const { notifications, system, reported } = notificationsOf(names('d', 20), { room: 8 });
    expect(notifications.arrange()).toHaveLength(4);
    expect(system.open).toEqual(names('d', 4).map((name) => join(base, name)));
    notifications.arrange();
    expect(reported).toEqual([[4, 'the system provides no more notifications (ENOSPC)']]);
    system.room = 100;
    now += 3_600_000;
    expect(notifications.arrange()).toHaveLength(16);
    expect(reported.at(-1)).toEqual([20, '']);
  });

  it('watches no directory if the system has no watches, and continues', () => {
    const { notifications, reported } = notificationsOf(names('d', 3), { room: 0 });
    expect(notifications.arrange()).toEqual([]);
    expect(reported).toEqual([[0, 'the system provides no more notifications (ENOSPC)']]);
  });

  it('releases a directory that is removed or moved, and all below it', () => {
    const { notifications, system, lost } = notificationsOf(['a', 'a/b', 'a/b/c', 'ab']);
    notifications.arrange();
    system.tell(join(base, 'a'), 'rename', 'a');
    expect(lost).toEqual([join(base, 'a')]);
    expect(system.open).toEqual([join(base, 'ab')]);
    expect(notifications.arrange()).toHaveLength(3);
  });

  it('starts again with another directory of the same name, as when a link gets another target', () => {
    mkdirSync(join(base, 'one'));
    mkdirSync(join(base, 'two'));
    symlinkSync('one', join(base, 'link'));
    const { notifications } = notificationsOf(['a']);
    const linked = new DirectoryNotifications({
      watch: { directoriesToWatch: () => [join(base, 'link'), join(base, 'a')] },
      most: () => 10,
      onName: () => {},
      onLost: () => {},
      onChanged: () => {},
      watchDirectory: new System(10).watch,
    });
    expect(linked.arrange()).toEqual([join(base, 'link'), join(base, 'a')]);
    expect(linked.arrange()).toEqual([]);
    symlinkSync('two', join(base, 'next'));
    renameSync(join(base, 'next'), join(base, 'link'));
    expect(linked.arrange()).toEqual([join(base, 'link')]);
    notifications.close();
    linked.close();
  });

  it('ignores missing directories', () => {
    const { notifications } = notificationsOf(['a', 'b']);
    rmSync(join(base, 'a'), { recursive: true });
    expect(notifications.arrange()).toEqual([join(base, 'b')]);
  });

  it('ignores notifications of a directory that it no longer watches', () => {
    const { notifications, system, names: reported } = notificationsOf(['a']);
    notifications.arrange();
    notifications.forget(join(base, 'a'));
    system.tell(join(base, 'a'), 'rename', 'x');
    expect(reported).toEqual([]);
  });
});
