// Makes the table of the chart's values in docs/deployment.md from the comments of values.yaml: `# -- text` above a key.
//   node scripts/values-table.mjs            prints it
//   node scripts/values-table.mjs --write    writes it into the page, between its marks
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';

const page = new URL('../docs/deployment.md', import.meta.url);
const text = readFileSync(new URL('../config/helm/mirrorboard/values.yaml', import.meta.url), 'utf8');
const values = parse(text);

const rows = [];
/** The keys above the line, by their depth. */
const path = [];
let comment;
for (const line of text.split('\n')) {
  const [, begins, said] = /^ *# (-- )?(.*)$/.exec(line) ?? [];
  const [, indent, key] = /^( *)([\w-]+):/.exec(line) ?? [];
  if (begins !== undefined) comment = said;
  else if (said !== undefined && comment !== undefined) comment += ` ${said}`;
  if (key === undefined) continue;
  path.length = indent.length / 2;
  path.push(key);
  if (comment !== undefined) {
    const value = path.reduce((at, name) => at[name], values);
    rows.push(`| \`${path.join('.')}\` | \`${JSON.stringify(value)}\` | ${comment} |`);
  }
  comment = undefined;
}
const table = ['| value | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');

if (process.argv.includes('--write')) {
  const before = readFileSync(page, 'utf8');
  const after = before.replace(/(<!-- values -->\n)[\s\S]*?(<!-- \/values -->)/, (_, start, end) => `${start}${table}\n${end}`);
  writeFileSync(page, after);
} else {
  console.log(table);
}
