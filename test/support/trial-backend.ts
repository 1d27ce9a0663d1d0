// A backend that keeps runs in memory: the source of a package for tests of configuration and doctor.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes a module with a backend type into a folder; returns its path. Its settings are `url` (or `address`,
 * `TRIAL_URL`), `space` (its group, `TRIAL_SPACE`) and `api_key`; `mode` says how it behaves: `well`, `down`,
 * `refused`, `hangs`, `forgets` (holds no points), `rounds` (values come back changed).
 */
export function writeTrialBackend(folder: string): string {
  const path = join(folder, 'trial-backend.mjs');
  writeFileSync(path, SOURCE);
  return path;
}

const SOURCE = `
const FIELDS = [['url', ['address'], 'TRIAL_URL'], ['space', [], 'TRIAL_SPACE'], ['api_key', [], 'TRIAL_API_KEY'], ['mode', [], undefined]];
const known = FIELDS.flatMap(([key, more]) => [key, ...more]);
const ALL = { scalars: 'native', images: 'artifact', mesh: 'none' };

export default {
  type: 'trial',
  fields: Object.fromEntries(FIELDS.map(([key, aliases, variable]) => [key, { aliases, env: variable === undefined ? [] : [variable] }])),
  groupKeys: ['space'],
  parse(section, env) {
    const problems = Object.keys(section)
      .filter((key) => !known.includes(key))
      .map((key) => ({ path: [key], found: 'the key ' + key, expected: 'one of ' + known.join(', ') }));
    const settings = {};
    const shown = [];
    for (const [key, more, variable] of FIELDS) {
      const names = [key, ...more].filter((name) => name in section);
      if (names.length > 1) problems.push({ path: [names[1]], found: names.join(' and '), expected: 'one of them' });
      const fromEnv = variable === undefined ? undefined : env[variable];
      const value = fromEnv || section[names[0]];
      if (value === undefined) continue;
      if (typeof value !== 'string') problems.push({ path: [names[0] ?? key], found: String(value), expected: 'a text' });
      settings[key] = value;
      shown.push({ key, value, source: fromEnv ? variable : 'file' });
    }
    if (settings.url === undefined) problems.push({ path: ['url'], found: 'nothing', expected: 'an address', hint: 'Set TRIAL_URL.' });
    return problems.length > 0 ? { kind: 'problems', problems } : { kind: 'settings', settings, shown };
  },
  target: (settings) => settings.url + '#' + (settings.space ?? ''),
  async create(settings, context) {
    const { mode = 'well' } = settings;
    const runs = new Map();
    return {
      describe: () => ({
        name: 'trial', holds: ALL, limits: { pointsPerSend: 1000, bytesPerSend: 1e6, runsPerSend: 1 }, replacesByKey: true,
        keeps: { step: true, wallTime: false, nan: true, negativeZero: false, repeatedSteps: true, equalPoints: false },
        caps: { pointsPerSeries: 5000 }, readBack: 'full', ownsPosition: false, needsJournal: false,
      }),
      async probe(signal) {
        const fail = (code, message) => {
          throw Object.assign(new (context.MirrorError ?? Error)(message), { code, hint: 'Start it.' });
        };
        if (mode === 'down') fail('MB4001', 'nobody answers at ' + settings.url);
        if (mode === 'refused') fail('MB4002', 'the key is not taken');
        if (mode === 'hangs') await new Promise(() => {});
        return { address: settings.url, version: '1.2.3', clockSkewMs: 90_000, notes: ['Tags are cut at 10 letters.'] };
      },
      async open(run) {
        runs.set(run.key, { run, points: [] });
        return run.key;
      },
      async send(parcels) {
        return parcels.map(({ handle, batch, series }) => {
          const { scalars } = batch;
          for (let i = 0; i < scalars.count; i++) {
            const tag = series[scalars.series[i]].tag;
            if (mode !== 'forgets') runs.get(handle).points.push([tag, { step: scalars.step[i], wallTime: Math.round(scalars.wallTime[i]), value: mode === 'rounds' ? Math.round(scalars.value[i]) : scalars.value[i] }]);
          }
          const refusals = batch.objects.map(({ offset, index }) => ({ offset, index, kind: 'unsupported', reason: 'only scalars' }));
          return { kind: 'accepted', points: scalars.count, refusals };
        });
      },
      async *readBack(handle) {
        for (const [tag, point] of runs.get(handle).points) yield { tag, plugin: 'scalars', points: [point] };
      },
      asHeld: (tag, plugin, point) => ({ ...point, wallTime: Math.round(point.wallTime) }),
      async finish() {},
      async remove(handle) {
        runs.delete(handle);
      },
      async close() {},
    };
  },
};
`;
