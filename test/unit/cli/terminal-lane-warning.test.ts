import { expect, it } from '@jest/globals';
import { laneWarning } from '../../../src/cli/terminal/lane-warning.ts';

it('reports the problem of a lane', () => {
  expect(laneWarning('mlflow', 'replacing a tracker run with a new one', { run: 'logs/exp', former: '', times: 10 })).toBe(
    'mlflow: replacing a tracker run with a new one (run logs/exp, times 10)',
  );
  expect(laneWarning('mlflow', 'only scalars are mirrored')).toBe('mlflow: only scalars are mirrored');
  expect(laneWarning('mlflow', 'odd', { run: 'a\u001b[2Jb' })).not.toContain('\u001b');
});
