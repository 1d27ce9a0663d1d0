// TensorBoard itself: the page, with the loaders that it brings.
import { dirname } from 'node:path';
import type { Scratch } from '../scratch.ts';
import { type Reference, tryReference } from './reference.ts';
import { pythonWith, versionIn } from './venv.ts';

/** The folder with the program `tensorboard`. */
export type TensorBoard = { readonly bin: string };

/** Installs the version that the targets were set against; it brings its data server. */
export async function prepareTensorBoard(scratch: Scratch): Promise<Reference<TensorBoard>> {
  return tryReference('TensorBoard', async () => {
    const python = await pythonWith(scratch, 'tensorboard-2.21.0', ['tensorboard==2.21.0', 'tensorboard-data-server==0.7.2']);
    return { use: { bin: dirname(python) }, version: await versionIn(python, 'tensorboard') };
  });
}
