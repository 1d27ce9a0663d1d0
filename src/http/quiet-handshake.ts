import { isIP } from 'node:net';
import { connect } from 'node:tls';
import type { Clock } from '../clock.ts';
import type { TlsMaterial } from './tls.ts';

/**
 * Returns the error by which a server refuses this client before any request; undefined if it does not refuse, or
 * does not say so. With TLS 1.3, the handshake ends for the client before the server has checked the client
 * certificate. A client that writes at once is reset, and the reset hides the alert that came before it; a client
 * that stays quiet reads the alert.
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
    // Before TLS 1.3, a refused client gets no connection; since then, the server gives a ticket only to an accepted
    // one.
    socket.on('secureConnect', () => {
      if (socket.getProtocol() !== 'TLSv1.3') end();
    });
    socket.on('session', () => {
      if (socket.getProtocol() === 'TLSv1.3') end();
    });
    socket.resume();
  });
}
