/**
 * The kinds of series as people name them: each belongs to a plugin, except `tensors`, which is for everything else.
 */
export const KINDS = [
  'scalars',
  'histograms',
  'images',
  'audio',
  'texts',
  'hparams',
  'pr_curves',
  'meshes',
  'layouts',
  'graphs',
  'tensors',
] as const;

/** A kind of values, as the loss table and `needs` name it. */
export type Kind = (typeof KINDS)[number];

const KIND_OF_PLUGIN: ReadonlyMap<string, Kind> = new Map([
  ['scalars', 'scalars'],
  ['histograms', 'histograms'],
  ['images', 'images'],
  ['audio', 'audio'],
  ['text', 'texts'],
  ['hparams', 'hparams'],
  ['pr_curves', 'pr_curves'],
  ['mesh', 'meshes'],
  ['custom_scalars', 'layouts'],
  ['graphs', 'graphs'],
  ['graph_run_metadata', 'graphs'],
  ['graph_run_metadata_graph', 'graphs'],
  ['graph_tagged_run_metadata', 'graphs'],
  ['graph_keras_model', 'graphs'],
]);

/** Returns the kind of the series of a plugin. */
export function kindOf(plugin: string): Kind {
  return KIND_OF_PLUGIN.get(plugin) ?? 'tensors';
}

/** Returns the plugin that usually writes a kind; empty for tensors, which have none. */
export function pluginOf(kind: Kind): string {
  for (const [plugin, each] of KIND_OF_PLUGIN) if (each === kind) return plugin;
  return '';
}
