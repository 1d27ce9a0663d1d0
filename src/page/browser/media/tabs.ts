/** The parts of the Curves view besides the scalars, and the plugins whose values each shows. */

/** A kind of values. */
export type MediaKind = 'histograms' | 'images' | 'audio' | 'text' | 'pr-curves' | 'hparams' | 'graphs';

/** The plugins of each kind. */
export const PLUGINS: Readonly<Record<MediaKind, readonly string[]>> = {
  histograms: ['histograms'],
  images: ['images'],
  audio: ['audio'],
  text: ['text'],
  'pr-curves': ['pr_curves'],
  hparams: ['hparams'],
  graphs: ['graphs', 'graph_keras_model', 'graph_run_metadata', 'graph_run_metadata_graph', 'graph_tagged_run_metadata'],
};

/** The names of the parts, in their order. */
export const TABS: readonly (readonly [tab: MediaKind | 'scalars', name: string])[] = [
  ['scalars', 'Scalars'],
  ['histograms', 'Histograms'],
  ['images', 'Images'],
  ['audio', 'Audio'],
  ['text', 'Text'],
  ['pr-curves', 'PR curves'],
  ['hparams', 'HParams'],
  ['graphs', 'Graphs'],
];

/** Tells if a text of a link is a kind of values. */
export function isMediaKind(tab: string): tab is MediaKind {
  return Object.hasOwn(PLUGINS, tab);
}
