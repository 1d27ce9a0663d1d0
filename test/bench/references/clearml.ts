// ClearML: one server that the official SDK works against, and that SDK reporting scalars.
import { type ClearmlServer, clearmlPython, startClearml } from '../../support/clearml-server.ts';
import { type Reference, tryReference } from './reference.ts';
import { versionIn } from './venv.ts';

export type Clearml = Pick<ClearmlServer, 'url' | 'accessKey' | 'secretKey' | 'reportScalars'>;

export async function prepareClearml(): Promise<Reference<Clearml>> {
  return tryReference('ClearML', async () => {
    const version = await versionIn(await clearmlPython(), 'clearml');
    const server = await startClearml();
    return { use: server, version, stop: server.stop };
  });
}
