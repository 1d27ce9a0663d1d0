// A proxy that cuts connections: before a request has reached the server, or when its answer is on the way and nobody
// will know of it. It can also behave like a server that is down, that hangs, or that is slow.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CuttingProxy {
  readonly url: string;
  /** How often it has cut so far: requests, and answers. */
  readonly cuts: { readonly requests: number; readonly answers: number };
  /** How the server behaves from now on. */
  be(mood: ProxyMood): void;
  /** Cuts nothing any more. */
  heal(): void;
  close(): Promise<void>;
}

/** `down`: ends every connection. `hung`: accepts requests and does not answer. `slow`: each piece takes a while. */
export type ProxyMood = 'well' | 'down' | 'hung' | 'slow';

const SLOW_MS = 300;

/**
 * Before a server on the loopback interface. `random` gives numbers from 0 to 1; `probability` is that of each piece
 * that comes through.
 */
export async function startCuttingProxy(target: string, random: () => number, probability: number): Promise<CuttingProxy> {
  const { port, hostname } = new URL(target);
  const cuts = { requests: 0, answers: 0 };
  let isWell = false;
  let mood: ProxyMood = 'well';
  const open = new Set<Socket>();
  /** A piece of theirs is late: what follows it must not overtake it. */
  const late = new Set<Socket>();
  const isDue = (): boolean => random() < probability && !isWell;
  const be = (now: ProxyMood): void => {
    mood = now;
    for (const socket of open) {
      if (now === 'down') socket.destroy();
      else if (now === 'hung') socket.pause();
      else if (!late.has(socket)) socket.resume();
    }
  };
  const server = createServer((client) => {
    if (mood === 'down') {
      client.destroy();
      return;
    }
    const upstream = connect(Number(port), hostname);
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    const pass = (from: Socket, to: Socket, kind: keyof typeof cuts): void => {
      from.on('data', (piece) => {
        if (isDue()) {
          cuts[kind]++;
          cut();
        } else if (mood === 'slow') {
          from.pause();
          late.add(from);
          setTimeout(() => {
            late.delete(from);
            to.write(piece);
            if (mood !== 'hung') from.resume();
          }, SLOW_MS);
        } else to.write(piece);
      });
    };
    pass(client, upstream, 'requests');
    pass(upstream, client, 'answers');
    for (const socket of [client, upstream]) {
      if (mood === 'hung') socket.pause();
      open.add(socket);
      socket.on('error', cut);
      socket.on('close', () => {
        open.delete(socket);
        cut();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cuts,
    be,
    heal() {
      isWell = true;
      be('well');
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
