// Stands in for systemd: a socket that takes the messages of a service. Node has none of this kind, so Python listens.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const LISTEN = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True:
    print(json.dumps(s.recv(65536).decode()), flush=True)
`;
/** For machines without systemd: what its command does with assignments. */
const SEND = `#!/usr/bin/env python3
import os, socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto('\\n'.join(sys.argv[1:]).encode(), os.environ['NOTIFY_SOCKET'])
`;

/** Why there can be no such socket here; undefined where there can. */
export function whyNoNotifySocket(): string | undefined {
  return spawnSync('python3', ['-c', 'import socket; socket.AF_UNIX']).status === 0 ? undefined : 'no python3';
}

/** A socket of systemd. */
export class NotifySocket {
  readonly path: string;
  /** Messages in their order, each as its lines. */
  readonly messages: (readonly string[])[] = [];
  readonly #listener: ChildProcess;

  private constructor(path: string, listener: ChildProcess) {
    this.path = path;
    this.#listener = listener;
  }

  static async listen(folder: string): Promise<NotifySocket> {
    const path = join(folder, 'notify');
    const listener = spawn('python3', ['-c', LISTEN, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const socket = new NotifySocket(path, listener);
    const ready = Promise.withResolvers<void>();
    createInterface({ input: listener.stdout }).on('line', (line) => {
      if (line === 'listening') ready.resolve();
      else {
        const lines = String(JSON.parse(line)).trim().split('\n');
        // By this the command waits until what it sent was taken.
        if (lines[0] !== 'BARRIER=1') socket.messages.push(lines);
      }
    });
    await ready.promise;
    return socket;
  }

  /** What a service is started with, by systemd's own command or by one that does the same. */
  environment(folder: string): Record<string, string> {
    const PATH = process.env['PATH'] ?? '';
    if (spawnSync('systemd-notify', ['--version']).status === 0) return { NOTIFY_SOCKET: this.path, PATH };
    const command = join(folder, 'systemd-notify');
    writeFileSync(command, SEND);
    chmodSync(command, 0o755);
    return { NOTIFY_SOCKET: this.path, PATH: `${folder}:${PATH}` };
  }

  /** All lines that came, without those of STATUS. */
  get lines(): readonly string[] {
    return this.messages.flat().filter((line) => !line.startsWith('STATUS='));
  }

  [Symbol.dispose](): void {
    this.#listener.kill();
  }
}
