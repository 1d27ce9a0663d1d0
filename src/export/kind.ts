import { kindOf } from '../model/index.ts';

/** The kinds of series for a table; meshes are tensors in a table. */
export const EXPORT_KINDS = [
  'scalars',
  'histograms',
  'images',
  'audio',
  'texts',
  'hparams',
  'pr_curves',
  'layouts',
  'graphs',
  'tensors',
  'all',
] as const;

/** A kind of series that can be exported. */
export type ExportKind = (typeof EXPORT_KINDS)[number];

/** True if the series of a plugin belong to a kind. */
export function isOfKind(plugin: string, kind: ExportKind): boolean {
  const own = kindOf(plugin);
  return kind === 'all' || (own === 'meshes' ? 'tensors' : own) === kind;
}
