// The tables of settings: each name, alias, variable and default as the program has it.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { SettingFields } from '../../../src/backend-kit/settings/index.ts';
import { FIELDS as AIM } from '../../../src/backends/aim/settings.ts';
import { FIELDS as CLEARML } from '../../../src/backends/clearml/settings.ts';
import { FIELDS as MLFLOW } from '../../../src/backends/mlflow/settings.ts';
import { FIELDS as PARQUET } from '../../../src/backends/parquet/settings.ts';
import { FIELDS as TRACKIO } from '../../../src/backends/trackio/settings.ts';
import { FIELDS as WANDB } from '../../../src/backends/wandb/settings.ts';
import { makeProgram } from '../../../src/cli/program.ts';
import { fileSchema } from '../../../src/config/file-schema.ts';
import { unknownVariables } from '../../../src/config/unknown-variables.ts';

/** Settings of every lane, which a tracker's page describes again. */
const OF_EVERY_LANE = ['tags'];
/** Variables that a backend reads itself, as they mean more than the value of one field. */
const READ_APART: Readonly<Record<string, readonly string[]>> = { aim: ['AIM_REPO'], clearml: ['CLEARML_OFFLINE_MODE'] };

interface Row {
  readonly keys: readonly string[];
  readonly aliases: readonly string[];
  readonly cells: Readonly<Record<string, string>>;
}

const text = (page: string): string => readFileSync(new URL(`../../../../docs/${page}`, import.meta.url), 'utf8');
const wordsIn = (cell: string, pattern = /`([^`]+)`/g): string[] => [...cell.matchAll(pattern)].map(([, word = '']) => word);

/** The rows of the first table that begins with this column, below a heading. */
function rowsOf(page: string, heading: string, column: string): Row[] {
  const [, section = ''] = text(page).split(`\n${heading}\n`);
  const lines = section.slice(section.indexOf(`\n| ${column} |`) + 1).split('\n');
  const cellsOf = (line: string): string[] =>
    line
      .slice(2, -2)
      .split(/ ?\| ?/)
      .map((cell) => cell.trim());
  const titles = cellsOf(lines[0] ?? '');
  const end = lines.findIndex((line) => !line.startsWith('|'));
  return lines.slice(2, end).map((line) => {
    const cells = Object.fromEntries(cellsOf(line).map((cell, i) => [titles[i] ?? '', cell]));
    const [named = '', aliases = ''] = (cells[column] ?? '').split(' (');
    return { keys: wordsIn(named), aliases: wordsIn(aliases), cells };
  });
}

const TRACKERS: readonly (readonly [string, SettingFields])[] = [
  ['mlflow', MLFLOW],
  ['wandb', WANDB],
  ['clearml', CLEARML],
  ['aim', AIM],
  ['trackio', TRACKIO],
  ['parquet', PARQUET],
];

describe.each(TRACKERS)('the settings in docs/trackers/%s.md', (type, fields) => {
  const rows = rowsOf(`trackers/${type}.md`, '## Settings', 'key');

  test('are complete, without others', () => {
    const keys = rows.flatMap((row) => row.keys).filter((key) => !OF_EVERY_LANE.includes(key) || key in fields);
    expect(keys.toSorted()).toEqual(Object.keys(fields).toSorted());
  });

  test('have their other names', () => {
    const expected = (row: Row): string[] => row.keys.flatMap((key) => fields[key]?.aliases ?? []);
    expect(rows.map((row) => [row.keys, row.aliases.toSorted()])).toEqual(rows.map((row) => [row.keys, expected(row).toSorted()]));
  });

  test('have the variables of the tracker', () => {
    const apart = READ_APART[type] ?? [];
    const found = rows.map((row) => [row.keys, wordsIn(row.cells['variable'] ?? '').filter((name) => !apart.includes(name))]);
    expect(found).toEqual(rows.map((row) => [row.keys, row.keys.flatMap((key) => fields[key]?.env ?? [])]));
    expect(apart.filter((name) => !rows.some((row) => row.cells['variable']?.includes(`\`${name}\``)))).toEqual([]);
  });

  test('have their defaults', () => {
    const wrong = rows.filter(({ keys, cells }) => {
      const [defaults = ''] = [cells['default']];
      // Where a row has several settings, the default of one that needs no words is left out.
      const fallbacks = keys.flatMap((key) => fields[key]?.fallback ?? []).filter((fallback) => keys.length === 1 || fallback !== false);
      return fallbacks.some((fallback) => !(Array.isArray(fallback) ? 'none' : defaults).includes(String(fallback) || 'none'));
    });
    expect(wrong.map(({ keys }) => keys)).toEqual([]);
  });
});

/** Every setting of the file, by its path: `roots[].links`, `log.level`. */
function settingsIn(schema: Record<string, unknown>, prefix = ''): string[] {
  const properties = (schema['properties'] ?? {}) as Record<string, Record<string, unknown>>;
  return Object.entries(properties).flatMap(([key, value]) => {
    const items = value['items'] as Record<string, unknown> | undefined;
    return [
      `${prefix}${key}`,
      ...settingsIn(value, `${prefix}${key}.`),
      ...(items === undefined ? [] : settingsIn(items, `${prefix}${key}[].`)),
    ];
  });
}

describe('the settings in docs/configuration.md', () => {
  const rows = rowsOf('configuration.md', '## Settings', 'setting');
  const ofLanes = rowsOf('configuration.md', '## Lanes', "setting of every tracker's lane");
  const documented = rows.flatMap((row) => row.keys);

  test('are complete, without others', () => {
    const schema = fileSchema.toJSONSchema({ io: 'input', unrepresentable: 'any' }) as Record<string, unknown>;
    // What a rule of `routes`, `params` and the like says is in docs/routing.md; `config` is for those who come from
    // Tracelet.
    const elsewhere = /^(?:routes|params|artifacts|profiles)(?:\[\]|\.)|^config\b|^(?:log|runs|lanes|lanes\.local)$/;
    const expected = settingsIn(schema).filter((name) => !elsewhere.test(name) || name === 'lanes');
    expect(documented.filter((name) => name !== 'roots[]').toSorted()).toEqual(expected.toSorted());
  });

  test('have only variables and flags with an effect', () => {
    const variables = rows.flatMap(({ cells }) => wordsIn(cells['variable'] ?? '', /`(MIRRORBOARD_\w+)`/g));
    expect(variables.length).toBeGreaterThan(8);
    expect(unknownVariables(Object.fromEntries(variables.map((name) => [name, 'x'])), [])).toEqual([]);
    const program = makeProgram({ stdout: process.stdout, stderr: process.stderr, env: {}, exitCode: 0 });
    const flags = new Set(program.commands.flatMap(({ options }) => options.map(({ long }) => long)));
    expect(rows.flatMap(({ cells }) => wordsIn(cells['flag'] ?? '', /`(--[\w-]+)`/g)).filter((flag) => !flags.has(flag))).toEqual([]);
  });

  test('include those of every lane', () => {
    expect(ofLanes.flatMap((row) => row.keys)).toEqual(['type', 'run_name', 'experiment', 'tags', 'join']);
  });
});
