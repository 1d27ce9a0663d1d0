import { describe, expect, test } from '@jest/globals';
import { classify, type DataClass } from '../../../src/model/index.ts';

function kind(form: string, pluginName = '', dataClass: DataClass = 'unknown'): string {
  const { plugin, dataClass: found } = classify({ form, pluginName, dataClass, displayName: '', description: '' });
  return `${plugin}/${found}`;
}

describe('classify', () => {
  test.each([
    ['simple_value', 'scalars/scalar'],
    ['histo', 'histograms/tensor'],
    ['image', 'images/blob_sequence'],
    ['audio', 'audio/blob_sequence'],
    ['graph_def', 'graphs/blob_sequence'],
    ['tagged_run_metadata', 'graph_tagged_run_metadata/blob_sequence'],
  ])('recognizes %s by its form, with any metadata', (form, expected) => {
    expect(kind(form)).toBe(expected);
    expect(kind(form, 'text', 'tensor')).toBe(expected);
  });

  test.each([
    ['scalars', 'scalar'],
    ['histograms', 'tensor'],
    ['images', 'blob_sequence'],
    ['audio', 'blob_sequence'],
    ['text', 'tensor'],
    ['pr_curves', 'tensor'],
    ['mesh', 'tensor'],
    ['hparams', 'tensor'],
    ['custom_scalars', 'tensor'],
    ['graph_run_metadata', 'blob_sequence'],
    ['graph_run_metadata_graph', 'blob_sequence'],
    ['graph_keras_model', 'blob_sequence'],
  ])('completes the data class of %s if a writer left it out', (plugin, expected) => {
    expect(kind('tensor:float', plugin)).toBe(`${plugin}/${expected}`);
  });

  test('accepts a data class that was written', () => {
    expect(kind('tensor:float', 'scalars', 'tensor')).toBe('scalars/tensor');
    expect(kind('tensor:float', 'my_plugin', 'scalar')).toBe('my_plugin/scalar');
  });

  test('treats a tensor without metadata, and an unknown plugin, as unknown', () => {
    expect(kind('tensor:float')).toBe('/unknown');
    expect(kind('tensor:float', 'my_plugin')).toBe('my_plugin/unknown');
    expect(kind('none')).toBe('/unknown');
    for (const name of ['constructor', '__proto__', 'toString']) expect(kind('tensor:float', name)).toBe(`${name}/unknown`);
  });

  test('keeps name and description', () => {
    const first = { form: 'simple_value', pluginName: '', dataClass: 'unknown', displayName: 'Loss', description: 'less is more' } as const;
    expect(classify(first)).toMatchObject({ displayName: 'Loss', description: 'less is more' });
  });
});
