import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { JOB_METRICS, METRICS, PROCESS_METRICS } from '../../../src/metrics/index.ts';
import { alerts, metricTable } from '../../support/monitoring.ts';

const page = readFileSync(fileURLToPath(new URL('../../../../docs/metrics.md', import.meta.url)), 'utf8');

describe('docs/metrics.md', () => {
  it('has every metric as in the code: name, type, unit, labels, meaning and alerts', () => {
    const found = page.split('<!-- metrics -->\n')[1]?.split('\n<!-- /metrics -->')[0];
    expect(found).toBe(metricTable(METRICS));
  });

  it('has every metric of a file, and names the common ones with a watch', () => {
    const found = page.split('<!-- job metrics -->\n')[1]?.split('\n<!-- /job metrics -->')[0];
    expect(found).toBe(metricTable(JOB_METRICS));
    const section = page.split('## Metrics of backfill and verify')[1]?.split('\n## ')[0] ?? '';
    const [named = ''] = /^- The file of `backfill`.*$/m.exec(section) ?? [];
    const said = [...named.matchAll(/`(mirrorboard_\w+)(…?)`/g)].map(([, name = '', more]) => [name, more !== ''] as const);
    const inFile = (name: string): boolean => said.some(([each, isStart]) => (isStart ? name.startsWith(each) : name === each));
    const lanes = METRICS.filter(({ name }) => /_requests_total|_request_duration_seconds|build_info/.test(name));
    const expected = new Set([...METRICS.filter(({ readPass }) => readPass !== undefined), ...lanes].map(({ name }) => name));
    expect(METRICS.map(({ name }) => name).filter(inFile)).toEqual(METRICS.map(({ name }) => name).filter((name) => expected.has(name)));
  });

  it('names the metrics of the process', () => {
    expect(PROCESS_METRICS.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it('has a section on every alert, and on no other', () => {
    const sections = [...page.matchAll(/^### (Mirrorboard\w+)$/gm)].map(([, name]) => name);
    expect(sections).toEqual(alerts().map(({ alert }) => alert));
  });
});
