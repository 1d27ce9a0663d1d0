import { isIP } from 'node:net';
import { connect } from 'node:tls';
import type { Clock } from '../clock.ts';
import type { TlsMaterial } from './tls.ts';

/**
 * What a server has against us before we say anything; undefined if it has nothing, or does not say. Under TLS 1.3
 * the handshake is over for us before the server has checked our certificate. A client that writes at once is
 * reset, and the reset hides the alert that came before it; who keeps quiet reads it.
 */
export function quietHandshake(origin: URL, material: TlsMaterial, limitMs: number, clock: Clock, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    const host = origin.hostname.replace(/^\[|\]$/g, '');
    const socket = connect({
      host,
      port: Number(origin.port || 443),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...material,
    });
    const end = (found?: unknown): void => {
      stopTimer();
      signal.removeEventListener('abort', onAbort);
      resolve(found);
      socket.destroy();
    };
    const onAbort = (): void => end();
    const stopTimer = clock.after(limitMs, end);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', end);
    socket.on('close', () => end());
    // Before TLS 1.3 a client that is refused gets no connection; since then a ticket is given only to whom was.
    socket.on('secureConnect', () => {
      if (socket.getProtocol() !== 'TLSv1.3') end();
    });
    socket.on('session', () => {
      if (socket.getProtocol() === 'TLSv1.3') end();
    });
    socket.resume();
  });
}
