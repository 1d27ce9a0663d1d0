import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from '@jest/globals';
import { SCHEMA_VERSION, TABLES, VIEWS } from '../../../src/backends/local/schema.ts';

const text = readFileSync(new URL('../../../../docs/schema.md', import.meta.url), 'utf8');
/** The columns in the first table of a section, by the section's name. */
const documented = new Map(
  text
    .split(/^#{2,3} /m)
    .slice(1)
    .map((section) => {
      const [heading = ''] = section.split('\n', 1);
      const table = /\| column \|[^\n]*\n\|[^\n]*\n((?:\|[^\n]*\n)*)/.exec(section)?.[1] ?? '';
      return [heading, [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, column]) => column)];
    }),
);

const db = new DatabaseSync(':memory:');
db.exec(`${TABLES} ${VIEWS}`);

function names(type: 'table' | 'view'): string[] {
  const rows = db.prepare('SELECT name FROM sqlite_schema WHERE type = ? ORDER BY name').all(type);
  return rows.map(({ name }) => String(name));
}

function columns(name: string): string[] {
  return db
    .prepare('SELECT name FROM pragma_table_info(?)')
    .all(name)
    .map((row) => String(row['name']));
}

describe('docs/schema.md', () => {
  test('names the version it describes', () => {
    expect(text).toContain(`This page describes schema version ${SCHEMA_VERSION}.`);
  });

  test.each(names('view'))('has every column of the view %s, and no other, in their order', (name) => {
    expect(documented.get(`\`${name}\``)).toEqual(columns(name));
  });

  test.each(names('table'))('has every column of the table %s, and no other, in their order', (name) => {
    expect(documented.get(`Table \`${name}\``)).toEqual(columns(name));
  });

  test('has no other views and tables', () => {
    const found = [...documented.keys()].filter((heading) => /^(Table )?`\w+`$/.test(heading));
    const expected = [...names('view').map((name) => `\`${name}\``), ...names('table').map((name) => `Table \`${name}\``)];
    expect(found.sort()).toEqual(expected.sort());
  });

  test.each(sqlExamples())('has an example that SQLite accepts: %#', (sql) => {
    expect(() => db.prepare(sql)).not.toThrow();
  });
});

function sqlExamples(): string[] {
  return [...text.matchAll(/```sql\n(.*?)```/gs)].map(([, sql = '']) => sql);
}
