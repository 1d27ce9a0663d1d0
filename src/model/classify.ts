import type { DataClass, Series } from './series.ts';

/** The parts of a summary value that determine its series. */
interface ValueFacts {
  readonly form: string;
  readonly pluginName: string;
  readonly dataClass: DataClass;
  readonly displayName: string;
  readonly description: string;
}

/**
 * The data classes of the plugins' tensors, if the writer left the data class out. TensorBoard adds the same ones
 * while reading (`tensorboard/dataclass_compat.py`).
 */
const PLUGIN_CLASSES: ReadonlyMap<string, DataClass> = new Map(
  Object.entries({
    scalars: 'scalar',
    histograms: 'tensor',
    images: 'blob_sequence',
    audio: 'blob_sequence',
    text: 'tensor',
    hparams: 'tensor',
    pr_curves: 'tensor',
    mesh: 'tensor',
    custom_scalars: 'tensor',
    graph_run_metadata: 'blob_sequence',
    graph_run_metadata_graph: 'blob_sequence',
    graph_keras_model: 'blob_sequence',
  }),
);

/** The kinds of values in the forms of TensorFlow 1: their form determines them, whatever their metadata says. */
const OLD_FORMS: Readonly<Record<string, readonly [plugin: string, dataClass: DataClass]>> = {
  simple_value: ['scalars', 'scalar'],
  histo: ['histograms', 'tensor'],
  image: ['images', 'blob_sequence'],
  audio: ['audio', 'blob_sequence'],
  graph_def: ['graphs', 'blob_sequence'],
  tagged_run_metadata: ['graph_tagged_run_metadata', 'blob_sequence'],
};

/** The tag that TensorBoard gives to a graph in an event of its own. */
export const RUN_GRAPH_TAG = '__run_graph__';

/** Determines a series by the first value of its tag (TensorBoard's rules for upgrading old summaries). */
export function classify(first: ValueFacts): Pick<Series, 'plugin' | 'dataClass' | 'displayName' | 'description'> {
  const old = OLD_FORMS[first.form];
  const plugin = old?.[0] ?? first.pluginName;
  const dataClass = old?.[1] ?? (first.dataClass !== 'unknown' ? first.dataClass : (PLUGIN_CLASSES.get(plugin) ?? 'unknown'));
  return { plugin, dataClass, displayName: first.displayName, description: first.description };
}
