import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { METRICS, PROCESS_METRICS } from '../../../src/metrics/index.ts';
import { alerts, metricTable } from '../../support/monitoring.ts';

const page = readFileSync(fileURLToPath(new URL('../../../../docs/metrics.md', import.meta.url)), 'utf8');

describe('docs/metrics.md', () => {
  it('has every metric as the code has it: name, type, unit, labels, meaning and alerts', () => {
    const found = page.split('<!-- metrics -->\n')[1]?.split('\n<!-- /metrics -->')[0];
    expect(found).toBe(metricTable(METRICS));
  });

  it('names those of the process', () => {
    expect(PROCESS_METRICS.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it('has a section on every alert, and on no other', () => {
    const sections = [...page.matchAll(/^### (Mirrorboard\w+)$/gm)].map(([, name]) => name);
    expect(sections).toEqual(alerts().map(({ alert }) => alert));
  });
});
