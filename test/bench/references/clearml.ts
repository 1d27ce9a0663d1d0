// ClearML: one server that the official SDK works against, and that SDK reporting scalars.
import { type ClearmlServer, startClearml } from '../../support/clearml-server.ts';
import { type Reference, tryReference } from './reference.ts';

export type Clearml = Pick<ClearmlServer, 'url' | 'accessKey' | 'secretKey' | 'reportScalars' | 'stop'>;

export async function prepareClearml(): Promise<Reference<Clearml>> {
  return tryReference('ClearML', startClearml);
}
