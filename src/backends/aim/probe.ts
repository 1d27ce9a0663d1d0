import type { Probe } from '../../contract/index.ts';
import { errorOf } from './answers.ts';
import { type ClientSettings, makeHttp, serverVersion } from './connecting.ts';
import { VERIFIED_VERSIONS } from './limits.ts';

/** Checks a server without writing anything. Throws the error that it finds. */
export async function probeServer(address: string, settings: ClientSettings, signal: AbortSignal): Promise<Probe> {
  const http = makeHttp(address, settings);
  try {
    const version = await serverVersion(http, signal);
    const status = await http.send({ method: 'GET', path: '/status/', signal });
    if (status.kind !== 'ok') throw status.error;
    const notes = VERIFIED_VERSIONS.includes(version)
      ? []
      : [`mirrorboard is tested with Aim ${VERIFIED_VERSIONS.join(', ')}, not with ${version}. Run verify after the first backfill.`];
    return { address: http.address, version, clockSkewMs: undefined, notes };
  } catch (cause) {
    throw errorOf(cause);
  } finally {
    await http.close();
  }
}
