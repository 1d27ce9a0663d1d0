import { expect, test } from '@jest/globals';
import { mlflowCapabilities } from '../../../src/backends/mlflow/limits.ts';
import { lossSentences } from '../../../src/cli/loss-words.ts';

test.each([
  [false, /are stored once/, /more than once/],
  [true, /more than once/, /are stored once/],
  [undefined, /more than once/, /are stored once/],
])('describes equal points by the facts about the store: in files %s', (isFileStore, wanted, unwanted) => {
  const said = lossSentences(mlflowCapabilities(true, isFileStore, false)).join(' ');
  expect(said).toMatch(wanted);
  expect(said).not.toMatch(unwanted);
});
