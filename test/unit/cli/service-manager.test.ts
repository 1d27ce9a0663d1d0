import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { ServiceManager } from '../../../src/cli/service-manager.ts';
import { until } from '../../../src/testing/bench.ts';
import { NotifySocket, whyNoNotifySocket } from '../../support/notify-socket.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const reason = whyNoNotifySocket();
if (reason !== undefined) process.stderr.write(`service-manager.test: tests with a socket are skipped: ${reason}\n`);
const itNotifies = reason === undefined ? it : it.skip;

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
describe('the notifier for systemd', () => {
  itNotifies('reports readiness, reloads and the end, in order', async () => {
    using socket = await NotifySocket.listen(folder);
    const failures: string[] = [];
    const manager = ServiceManager.of(socket.environment(folder), (reason) => failures.push(reason));
    manager?.started({ line: () => '2 lanes:\nup to date', whyNotAlive: () => undefined });
    manager?.reloading();
    manager?.reloaded();
    manager?.stopping();
    await manager?.close();
    expect(socket.messages).toEqual([
      ['READY=1', 'STATUS=2 lanes: up to date'],
      ['RELOADING=1', expect.stringMatching(/^MONOTONIC_USEC=\d+$/)],
      ['READY=1'],
      ['STOPPING=1'],
    ]);
    expect(failures).toEqual([]);
  });

  itNotifies('sends signs of life while the program is alive, for the right process', async () => {
    using socket = await NotifySocket.listen(folder);
    const env = { ...socket.environment(folder), WATCHDOG_USEC: '60000' };
    let isAlive = true;
    const facts = { line: () => '', whyNotAlive: () => (isAlive ? undefined : 'nothing moves') };
    const other = ServiceManager.of({ ...env, WATCHDOG_PID: '1' }, () => undefined);
    other?.started(facts);
    const manager = ServiceManager.of({ ...env, WATCHDOG_PID: String(process.pid) }, () => undefined);
    manager?.started(facts);
    const pings = (): number => socket.lines.filter((line) => line === 'WATCHDOG=1').length;
    await until(() => pings() >= 3, 'signs of life');
    isAlive = false;
    await manager?.close();
    const count = pings();
    const again = ServiceManager.of({ ...env, WATCHDOG_PID: String(process.pid) }, () => undefined);
    again?.started(facts);
    await until(() => socket.lines.filter((line) => line === 'READY=1').length === 3, 'it began');
    await again?.close();
    await other?.close();
    expect(pings()).toBe(count);
  });

  it('is undefined without NOTIFY_SOCKET, and reports a failed message once', async () => {
    expect(ServiceManager.of({ NOTIFY_SOCKET: '' }, () => undefined)).toBeUndefined();
    const failures: string[] = [];
    const manager = ServiceManager.of({ NOTIFY_SOCKET: join(folder, 'nobody'), PATH: folder }, (reason) => failures.push(reason));
    manager?.reloaded();
    manager?.stopping();
    await manager?.close();
    expect(failures).toEqual([expect.stringContaining('systemd-notify')]);
  });
});
