/** The kinds of series a table can be made of: each is a plugin's, but for `tensors`, which is whatever no other kind has. */
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

export type ExportKind = (typeof EXPORT_KINDS)[number];

const KIND_OF_PLUGIN: ReadonlyMap<string, ExportKind> = new Map([
  ['scalars', 'scalars'],
  ['histograms', 'histograms'],
  ['images', 'images'],
  ['audio', 'audio'],
  ['text', 'texts'],
  ['hparams', 'hparams'],
  ['pr_curves', 'pr_curves'],
  ['custom_scalars', 'layouts'],
  ['graphs', 'graphs'],
  ['graph_run_metadata', 'graphs'],
  ['graph_run_metadata_graph', 'graphs'],
  ['graph_tagged_run_metadata', 'graphs'],
  ['graph_keras_model', 'graphs'],
]);

/** Whether the series of a plugin belong to a kind. Meshes, and plugins that are not known, are tensors. */
export function isOfKind(plugin: string, kind: ExportKind): boolean {
  return kind === 'all' || (KIND_OF_PLUGIN.get(plugin) ?? 'tensors') === kind;
}
