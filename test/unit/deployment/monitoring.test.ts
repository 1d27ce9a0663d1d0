import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { JobPage, METRICS, Metrics } from '../../../src/metrics/index.ts';
import { WatchStatus } from '../../../src/status/index.ts';
import { ALERTS_PATH, alerts, dashboard, dashboardQueries, labelsOf, metricsOf } from '../../support/monitoring.ts';
import { prometheusTools, promtool } from '../../support/prometheus.ts';
import { outputOf } from '../../support/python-tools.ts';
import { realTracker } from '../../support/real-tracker.ts';
import { labelsIn, namesIn } from '../../support/scrape.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { readText, repository } from './files.ts';

const lanes = ['local', 'mlflow'].map((name) => ({ name, type: name, where: 'x' }));
const scrape = (await new Metrics(new WatchStatus({ lanes, roots: ['logs'] }), { version: '1', node: 'v24' }).render(undefined)).text;
const job = await new JobPage('backfill').text({ exitCode: 1, startMs: 1, endMs: 2 });
const TESTS = join(repository, 'test/unit/deployment/alerts.promtool.yaml');
const page = readText('docs/metrics.md');
const anchors = new Set([...page.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => title.toLowerCase().replaceAll(' ', '-')));

describe('alert rules and dashboard', () => {
  const queries = [...alerts().map(({ expr }) => expr), ...dashboardQueries()];

  test('use only metrics that exist', () => {
    const names = new Set([...namesIn(scrape), ...namesIn(job)]);
    expect(queries.flatMap(metricsOf).filter((name) => !names.has(name))).toEqual([]);
    const labels = new Map([...labelsIn(scrape), ...labelsIn(job)]);
    const unknown = queries
      .flatMap(labelsOf)
      .flatMap(([label, values]) =>
        values.filter((value) => value !== '.*' && labels.get(label)?.has(value) !== true).map((value) => `${label}="${value}"`),
      );
    expect(unknown).toEqual([]);
  });

  test('use every metric of ours', () => {
    const used = new Set([...queries, JSON.stringify(dashboard().templating)].flatMap(metricsOf));
    const bases = new Set([...used].map((name) => name.replace(/_(bucket|sum|count)$/, '')));
    expect(METRICS.map(({ name }) => name).filter((name) => !bases.has(name))).toEqual([]);
  });
});

describe('the alert rules', () => {
  test('each name the problem, its severity, and a page about it', () => {
    const flawed = alerts().filter(
      ({ alert, labels, annotations: { summary = '', description = '', runbook_url } }) =>
        !/^Mirrorboard[A-Z]\w+$/.test(alert) ||
        !['critical', 'warning'].includes(labels['severity'] ?? '') ||
        summary === '' ||
        !description.endsWith('.') ||
        runbook_url !== `docs/metrics.md#${alert.toLowerCase()}` ||
        !anchors.has(alert.toLowerCase()),
    );
    expect(flawed.map(({ alert }) => alert)).toEqual([]);
    expect(new Set(alerts().map(({ alert }) => alert)).size).toBe(alerts().length);
  });

  test('are tested once firing and once not firing', () => {
    const { tests } = parse(readFileSync(TESTS, 'utf8')) as {
      tests: { alert_rule_test: { alertname: string; exp_alerts?: unknown[] }[] }[];
    };
    const tried = tests.flatMap((each) => each.alert_rule_test);
    const of = (isFiring: boolean): Set<string> =>
      new Set(tried.filter(({ exp_alerts = [] }) => exp_alerts.length > 0 === isFiring).map(({ alertname }) => alertname));
    const names = alerts().map(({ alert }) => alert);
    expect([names.filter((name) => !of(true).has(name)), names.filter((name) => !of(false).has(name))]).toEqual([[], []]);
  });
});

describe('the dashboard', () => {
  test('takes its data source from a variable, and its job, instance and lane from the data', () => {
    const { panels, templating } = dashboard();
    expect(templating.list.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'datasource datasource',
      'job query',
      'instance query',
      'lane query',
    ]);
    const sources = panels.flatMap(({ datasource, targets = [] }) => [datasource?.uid, ...targets.map((target) => target.datasource.uid)]);
    expect(sources.filter((source) => source !== undefined && !/^\$\{datasource\}$/.test(source))).toEqual([]);
  });

  test('has panels with an id, a question, a description and a place of their own', () => {
    const { panels } = dashboard();
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(
      panels.filter(({ type, description = '', targets = [] }) => type !== 'row' && (description === '' || targets.length === 0)),
    ).toEqual([]);
    const taken = new Map<string, number>();
    for (const { id, gridPos } of panels) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([x < 24, taken.get(`${x} ${y}`), id]).toEqual([true, undefined, id]);
          taken.set(`${x} ${y}`, id);
        }
      }
    }
  });
});

if ((await realTracker('promtool', prometheusTools)) !== undefined) {
  describe('promtool', () => {
    let folder: string;
    beforeEach(() => {
      folder = temporaryFolder();
    });

    test('accepts the rules', async () => {
      expect(await promtool(['check', 'rules', ALERTS_PATH])).toContain(`${alerts().length} rules found`);
    });

    test('accepts the configuration and the rules on the page', async () => {
      const shown = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => text);
      expect(shown).toHaveLength(2);
      writeFileSync(join(folder, 'alerts.yaml'), readFileSync(ALERTS_PATH));
      for (const text of shown) {
        writeFileSync(join(folder, 'shown.yaml'), text);
        const checked = text.startsWith('groups:') ? 'rules' : 'config';
        expect(await promtool(['check', checked, 'shown.yaml'], folder)).toContain('SUCCESS');
      }
    });

    test('confirms that each alert fires when it should, and not otherwise', async () => {
      // It compares annotations, too: words may change without their rule.
      const rules = parse(readFileSync(ALERTS_PATH, 'utf8')) as { groups: { rules: { annotations?: unknown }[] }[] };
      for (const { rules: each } of rules.groups) for (const rule of each) delete rule.annotations;
      writeFileSync(join(folder, 'alerts.yaml'), stringify(rules));
      writeFileSync(
        join(folder, 'tests.yaml'),
        readFileSync(TESTS, 'utf8').replace('../../../config/prometheus/alerts.yaml', 'alerts.yaml'),
      );
      expect(await promtool(['test', 'rules', 'tests.yaml'], folder)).toContain('SUCCESS');
    });

    test.each([
      ['scrape', scrape],
      ['file', job],
    ])('accepts a %s', async (_, text) => {
      writeFileSync(join(folder, 'scrape'), text);
      const args = ['-c', '"$0" check metrics < scrape 2>&1', join(await prometheusTools(), 'promtool')];
      expect(await outputOf('sh', args, 60_000, {}, folder)).toBe('');
    });
  });
}
