/**
 * The kinds of series as people name them: each is a plugin's, but for `tensors`, which is whatever no other kind
 * has.
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

/** Of what kind the series of a plugin are. */
export function kindOf(plugin: string): Kind {
  return KIND_OF_PLUGIN.get(plugin) ?? 'tensors';
}

/** The plugin that writes a kind, as a rule; empty for tensors, which have none. */
export function pluginOf(kind: Kind): string {
  for (const [plugin, each] of KIND_OF_PLUGIN) if (each === kind) return plugin;
  return '';
}
