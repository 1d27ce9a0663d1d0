import type { ReadBackChunk } from '../contract/index.ts';

/** Returns the names of the hyperparameters that points hold: a tracker keeps them among its params. */
export async function hparamNames(chunks: AsyncIterable<Pick<ReadBackChunk, 'points'>>): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for await (const { points } of chunks) {
    for (const { value } of points) {
      const json = JSON.parse(String(value)) as { readonly session_start_info?: { readonly hparams?: object } } | null;
      for (const name of Object.keys(json?.session_start_info?.hparams ?? {})) names.add(name);
    }
  }
  return names;
}
