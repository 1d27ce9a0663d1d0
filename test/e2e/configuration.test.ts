import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fileSchema } from '../../src/config/file-schema.ts';
import { type SchemaField, schemaFields } from '../../src/config/schema-fields.ts';
import { writeTrialBackend } from '../support/trial-backend.ts';
import { corpus, endAll, freshDirectory, MAIN, mirrorboard, mustRun, remove, start } from './command.ts';

let folder: string;
let servers: Server[];

beforeEach(() => {
  folder = freshDirectory();
  servers = [];
  writeTrialBackend(folder);
});

afterEach(async () => {
  await endAll();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  remove(folder);
});

/** Writes ./mirrorboard.yaml. */
function configure(...lines: readonly string[]): void {
  writeFileSync(join(folder, 'mirrorboard.yaml'), `${lines.join('\n')}\n`);
}

/** A server that answers everything in one way; gives its address. */
async function serve(status: number, body: string): Promise<string> {
  const server = createServer((_, response) => response.writeHead(status, { 'content-type': 'text/plain' }).end(body));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Checked {
  readonly area: string;
  readonly name: string;
  readonly state: string;
  readonly text: string;
  readonly [fact: string]: unknown;
}

function states(findings: readonly Checked[], area: string): Record<string, string> {
  return Object.fromEntries(findings.filter((finding) => finding.area === area).map(({ name, state }) => [name, state]));
}

/** Values of settings that do not take any text, by their last key; a setting that is not named here is `x`. */
const VALUES: Readonly<Record<string, unknown>> = {
  kinds: 'scalars',
  on: 't',
  lanes: 't',
  except: 't',
  base: 't',
  by: '{name}',
  needs: 'images',
  drop: true,
  every: 2,
  groups: 't',
  weights: 2,
  most_bytes: '5 MB',
  wait: 3,
  fold_flat: 'y',
  fold_hparams: true,
  links: 'inside',
  replaced: 'same_run',
  once: true,
  moved: 'new',
  run_ended_after: '2h',
  scan_interval: '90s',
  shutdown_grace: '20s',
  reload: 'signal',
  umask: '027',
  media_path: './media',
  memory: '1GiB',
  level: 'error',
  format: 'json',
  type: './trial-backend.mjs',
};

/** The name that replaces `*` in an example: the name of a lane, of a group, of a tag. */
function given(field: SchemaField, i: number): string {
  return field[0] === 'lanes' && i === 1 ? 't' : 'a';
}

/**
 * A rule that draws lots or drops says nothing else; params come from files or from a text, ids from a file or a
 * template.
 */
function indexOf(field: SchemaField): number {
  if (field[0] === 'routes') return field.includes('assign') ? 1 : field[2] === 'lanes' ? 2 : field.includes('drop') ? 3 : 0;
  return (field[0] === 'params' && field.includes('tag')) || (field.includes('join') && field.includes('id')) ? 1 : 0;
}

/** Writes a value of its own for a setting into an example. */
function put(file: Record<string, unknown>, field: SchemaField): void {
  let at: Record<string, unknown> = file;
  const keys = field.filter((key, i) => key !== '[]' || i < field.length - 1);
  const last = keys.filter((key) => !['[]', '*'].includes(key)).at(-1) ?? '';
  for (const [i, part] of keys.slice(0, -1).entries()) {
    const key = part === '*' ? given(field, i) : part === '[]' ? String(indexOf(field)) : part;
    at[key] ??= keys[i + 1] === '[]' ? [] : {};
    at = at[key] as Record<string, unknown>;
  }
  at[keys.at(-1) === '*' ? given(field, keys.length - 1) : (keys.at(-1) ?? '')] = VALUES[last] ?? 'x';
}

/** Under which key a setting is shown. */
function shownKey(field: SchemaField): string {
  let key = '';
  for (const [i, part] of field.entries()) {
    // A list of single values is one row, and a root is its path with its name.
    if (part === '[]') key += i === field.length - 1 ? '' : `[${indexOf(field)}]`;
    else if (field[0] !== 'roots' || !['path', 'name'].includes(part))
      key += `${i === 0 ? '' : '.'}${part === '*' ? given(field, i) : part}`;
  }
  // The trial type has a word of its own for it.
  return key === 'lanes.t.experiment' ? 'lanes.t.space' : key;
}

const TRIAL = 'type: ./trial-backend.mjs';

describe('config check', () => {
  it('accepts the defaults, and creates nothing', async () => {
    const { stdout } = await mustRun(['config', 'check'], { cwd: folder });
    expect(stdout).toMatch('The configuration is valid.');
    expect(readdirSync(folder)).toEqual(['trial-backend.mjs']);
  });

  it('shows the target of each lane, and expands its templates for an example', async () => {
    configure(
      'project: vision',
      'tags: [nightly]',
      `lanes: { local: {}, t: { ${TRIAL}, url: "http://a:b@here", space: "{path[0]}", run_name: "{name}" } }`,
    );
    const { stdout } = await mustRun(['config', 'check'], { cwd: folder });
    expect(stdout).toMatch('trial at http://[redacted]@here#');
    expect(stdout).toMatch('would be "lr=0.1" in "vision"');
    expect(stdout).toMatch('with the tags nightly');
  });

  it('reads the secret of each lane once', async () => {
    for (const name of ['a', 'b']) writeFileSync(join(folder, `${name}.secret`), `password-of-${name}\n`);
    configure(
      'lanes:',
      '  a: { type: mlflow, tracking_uri: "http://a", username: me, password_file: a.secret }',
      '  b: { type: mlflow, tracking_uri: "http://b", username: me, password_file: b.secret }',
      'profiles: { dev: { a: { experiment_name: dev }, b: { experiment_name: dev } } }',
    );
    const node = ['--import', fileURLToPath(new URL('../../../test/support/count-reads.mjs', import.meta.url))];
    const { stderr } = await mustRun(['config', 'check', '--profile', 'dev'], { cwd: folder, node });
    const { reads } = JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '');
    expect(reads).toEqual({ 'a.secret': 1, 'b.secret': 1 });
  });

  it('exits 2 for any problem in the file, a lane or a root, and names all problems', async () => {
    configure(`lanes: { t: { ${TRIAL}, ulr: x } }`);
    const { stderr } = await mustRun(['config', 'check'], { cwd: folder }, 2);
    expect(stderr).toMatch(/mirrorboard\.yaml:1:\d+: lanes\.t\.ulr: found the key ulr/);
    expect(stderr).toMatch('lanes.t.url: found nothing');
    configure('roots: [nowhere]', 'lanes: { own: { type: ./none.js } }');
    expect((await mustRun(['config', 'check'], { cwd: folder }, 2)).stderr).toMatch('MB4009');
    configure('roots: [nowhere]');
    expect((await mustRun(['config', 'check'], { cwd: folder }, 2)).stdout).toMatch('no such directory: nowhere');
    mkdirSync(join(folder, 'a', 'b'), { recursive: true });
    configure('roots: [a, a/b]');
    expect((await mustRun(['config', 'check'], { cwd: folder }, 2)).stdout).toMatch('is inside');
    expect((await mustRun(['config', 'check', '--timeout', '0', '--online'], { cwd: folder }, 2)).stderr).toMatch('--timeout');
  });

  it('exits 3 if a tracker does not answer or rejects our credentials, and checks all trackers', async () => {
    configure(
      'lanes:',
      `  well: { ${TRIAL}, url: u1 }`,
      `  down: { ${TRIAL}, url: u2, mode: down }`,
      `  refused: { ${TRIAL}, url: u3, mode: refused }`,
      `  hangs: { ${TRIAL}, url: u4, mode: hangs }`,
    );
    const { stdout } = await mustRun(['config', 'check', '--online', '--timeout', '3', '--json'], { cwd: folder }, 3);
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ type: 'config_check', file: './mirrorboard.yaml', profile: null, online: true, exit_code: 3 });
    expect(states(document.checks, 'online')).toEqual({ well: 'note', down: 'unreachable', refused: 'problem', hangs: 'unreachable' });
    await mustRun(['config', 'check'], { cwd: folder });
  });

  it('validates the other profiles and unused lanes, and notes what may exist on another machine', async () => {
    configure(
      'backend: local',
      `lanes: { local: {}, spare: { ${TRIAL} }, typo: { type: mlfow } }`,
      `profiles: { a: { lanes: [t], t: { ${TRIAL}, url: u } }, b: { lanes: [t], t: { ${TRIAL}, url: "\${NOPE}" } } }`,
    );
    const sound = JSON.parse((await mustRun(['config', 'check', '--json'], { cwd: folder }, 2)).stdout).checks as Checked[];
    expect(states(sound, 'profile')).toEqual({ '': 'ok', b: 'note' });
    expect(states(sound, 'lane')).toEqual({ local: 'ok', spare: 'note', typo: 'problem' });
    expect(sound.find(({ name }) => name === 'typo')?.['hint']).toBe('Did you mean mlflow?');
    configure('lanes: [local]', 'profiles: { a: { lanes: [mlflow] } }');
    expect((await mustRun(['config', 'check'], { cwd: folder }, 2)).stdout).toMatch(
      /profile a +problem +the lane mlflow is not configured: /,
    );
    configure(`lanes: [local]`, `profiles: { a: { lanes: [t], t: { ${TRIAL}, url: u, ulr: x } } }`);
    const { stdout } = await mustRun(['config', 'check'], { cwd: folder }, 2);
    expect(stdout).toMatch(/profile a +problem .*profiles\.a\.t\.ulr: found the key ulr/);
  });

  it('validates the other profiles of a file that can be read only once, such as a pipe', async () => {
    configure('backend: local', `profiles: { prod: { lanes: [t], t: { type: mlflow, tracking_uri: http://here, ulr: x } } }`);
    const command = `cat mirrorboard.yaml | "${process.execPath}" "${MAIN}" config check --config /dev/stdin`;
    const { status, stdout } = spawnSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8' });
    expect([status, stdout]).toEqual([2, expect.stringMatching(/profile prod +problem .*profiles\.prod\.t\.ulr: found the key "ulr"/)]);
  });

  it('names unknown lanes in rules', async () => {
    configure('routes: [{ runs: a, lanes: [wandb] }, { runs: b, lanes: [local] }]');
    const { stdout } = await mustRun(['config', 'check'], { cwd: folder });
    expect(stdout.match(/^rule .*/gm)).toEqual([
      expect.stringMatching(/note +\.\/mirrorboard\.yaml:1:10: no lane named wandb in this configuration/),
    ]);
  });

  it('warns about more memory than the machine has and files far above a run, and exits 2 if the store is a folder', async () => {
    configure('memory: 60TiB', 'artifacts: [{ files: ["../../../../etc/*", "../a"] }]');
    const { stdout } = await mustRun(['config', 'check'], { cwd: folder });
    expect(stdout).toMatch(/memory +note +61440GiB is more than the memory of this machine/);
    expect(stdout.match(/^rule .*/gm)).toEqual([
      expect.stringMatching(/"\.\.\/\.\.\/\.\.\/\.\.\/etc\/\*" needs runs at least 4 directories below/),
    ]);
    configure('lanes: { local: { path: . } }');
    expect((await mustRun(['config', 'check'], { cwd: folder }, 2)).stdout).toMatch(/lane local +problem +\. is a folder/);
  });

  it('exits 2 for a variable without effect, which every command warns about', async () => {
    configure('roots: []', `project: "\${MIRRORBOARD_TEAM}"`);
    const env = { MIRRORBOARD_TEAM: 'a', MIRRORBOARD_DRYRUN: '1', MIRRORBOARD_PORT: 'tcp://x', MIRRORBOARD_LOCAL_PATH: 'x' };
    const { stdout, stderr } = await mustRun(['config', 'check'], { cwd: folder, env }, 2);
    expect([stdout.match(/variable +problem/g)?.length, stderr]).toEqual([2, '']);
    const warned = await mustRun(['config', 'show'], { cwd: folder, env });
    expect(warned.stderr).toMatch(/warning: MIRRORBOARD_DRYRUN: .*; did you mean MIRRORBOARD_DRY_RUN\?\n/);
    expect((await mustRun(['config', 'show', '-qq'], { cwd: folder, env })).stderr).toBe('');
    const inspected = await mustRun(['explain', 'MB1002'], {
      cwd: folder,
      env: { MIRRORBOARD_DRYRUN: '1', MIRRORBOARD_ARCHIVE_TOKEN: 'x' },
    });
    expect(inspected.stderr.match(/warning: /g)?.length).toBe(1);
  });

  it('rejects a server that is not MLflow', async () => {
    configure(`lanes: { mlflow: { tracking_uri: "${await serve(404, 'no such page')}" } }`);
    const { stdout } = await mustRun(['config', 'check', '--online', '--json'], { cwd: folder }, 3);
    expect(states(JSON.parse(stdout).checks, 'online')).toEqual({ mlflow: 'problem' });
  });
});

describe('config show', () => {
  it('shows where each value comes from, and no secret', async () => {
    configure(
      'project: vision',
      'lanes:',
      '  local: { path: file.db }',
      `  t: { ${TRIAL}, api_key: "\${SECRET}" }`,
      'profiles: { dev: { project: other } }',
    );
    const env = { SECRET: 'hunter2', MIRRORBOARD_T_URL: 'http://me:hunter2@ours', TRIAL_SPACE: 'theirs', ENVIRONMENT: 'dev' };
    const { stdout } = await mustRun(['config', 'show', '--state', 'a.state', '--json'], { cwd: folder, env });
    expect(stdout).not.toContain('hunter2');
    const { values } = JSON.parse(stdout);
    const found = Object.fromEntries(
      values.map(({ key, value, source }: { key: string; value: unknown; source: string }) => [key, [value, source]]),
    );
    expect(found).toMatchObject({
      profile: ['dev', 'ENVIRONMENT'],
      project: ['other', './mirrorboard.yaml:5:29'],
      'lanes.local.path': ['file.db', './mirrorboard.yaml:3:18'],
      state: ['a.state', '--state'],
      'log.level': ['warn', 'default'],
      'lanes.t.url': ['http://[redacted]@ours', 'MIRRORBOARD_T_URL'],
      'lanes.t.space': ['theirs', 'TRIAL_SPACE'],
      'lanes.t.api_key': ['[redacted]', './mirrorboard.yaml:4:44'],
      'lanes.t.run_name': ['{path}', 'default'],
    });
    expect((await mustRun(['config', 'show'], { cwd: folder, env })).stdout).not.toContain('hunter2');
  });

  it('reports that the profile in ENVIRONMENT does not exist; for a requested profile it fails', async () => {
    configure('profiles: { production: { lanes: [local] } }');
    const env = { ENVIRONMENT: 'prodution' };
    const { stderr } = await mustRun(['config', 'show'], { cwd: folder, env });
    expect(stderr).toMatch(
      'note: no such profile: "prodution" (ENVIRONMENT); using the settings outside of profiles; known profiles: production; did you mean production?',
    );
    expect((await mustRun(['config', 'show', '-q', '-q'], { cwd: folder, env })).stderr).toBe('');
    const refused = await mustRun(['backfill', '--profile', 'prodution', folder], { cwd: folder }, 2);
    expect(refused.stderr).toMatch(/error\[MB1030\].*"prodution".*\n.*Did you mean production\?/);
  });

  it('shows every setting, and its place in the file', async () => {
    const fields = schemaFields(fileSchema);
    // What says the same in other words, or holds only where it is chosen, is shown under the one name.
    const shown = fields.filter(([top = '']) => !['shared_tags', 'backend', 'backends', 'config', 'profiles'].includes(top));
    const file: Record<string, unknown> = { profiles: { someday: {} } };
    for (const field of shown) put(file, field);
    writeFileSync(join(folder, 'mirrorboard.yaml'), JSON.stringify(file));
    const { stdout } = await mustRun(['config', 'show', '--json'], { cwd: folder, env: { TRIAL_URL: 'http://here' } });
    const values: { readonly key: string; readonly source: string }[] = JSON.parse(stdout).values;
    const said = values.filter(({ source }) => source.startsWith('./mirrorboard.yaml:')).map(({ key }) => key);
    expect([...shown.map(shownKey), 'profiles'].filter((key) => !said.includes(key))).toEqual([]);
    expect(values.map(({ key }) => key)).toEqual(expect.arrayContaining(['config', 'profile', 'state']));
  });

  it('shows the settings of unused profiles and lanes, but not their secrets', async () => {
    configure(
      'backend: local',
      `lanes: { local: {}, spare: { type: mlflow, tracking_uri: "http://me:hunter2@here", token: "\${A_TOKEN}", tags: { a: b } } }`,
      'profiles:',
      '  here: { project: p }',
      `  there: { lanes: [local, spare], spare: { password: "\${A_TOKEN}" }, routes: [{ drop: true, runs: [a, b] }] }`,
    );
    const env = { A_TOKEN: 'hunter2' };
    const { stdout } = await mustRun(['config', 'show', '--profile', 'here', '--json'], { cwd: folder, env });
    expect(stdout).not.toContain('hunter2');
    const rows = JSON.parse(stdout).values as { readonly key: string; readonly value: unknown; readonly in_use?: boolean }[];
    const said = rows
      .filter(({ key }) => /^(profiles\.|lanes\.spare)/.test(key))
      .map(({ key, value, in_use }) => [key, value, in_use ?? true]);
    expect(said).toEqual([
      ['lanes.spare.type', 'mlflow', false],
      ['lanes.spare.tags.a', 'b', false],
      ['lanes.spare.tracking_uri', 'http://[redacted]@here', false],
      ['lanes.spare.token', '[redacted]', false],
      ['profiles.here.project', 'p', true],
      ['profiles.there.lanes', ['local', 'spare'], false],
      ['profiles.there.routes[0].runs', ['a', 'b'], false],
      ['profiles.there.routes[0].drop', true, false],
      ['profiles.there.spare.password', '[redacted]', false],
    ]);
    const shown = await mustRun(['config', 'show', '--profile', 'here'], { cwd: folder, env });
    expect(shown.stdout).toMatch(/profiles\.there\.spare\.password +\[redacted\] +\.\/mirrorboard\.yaml:5:\d+, not used/);
  });

  it('shows no secret, no matter where a variable puts it', async () => {
    const secret = `"\${A_TOKEN}"`;
    configure(
      `project: ${secret}`,
      `roots: [{ path: ${secret}, include: ${secret} }]`,
      `include: ${secret}`,
      `tags: { a: ${secret} }`,
      `runs: { name: ${secret} }`,
      `lanes: { t: { ${TRIAL}, url: ${secret}, tags: { b: ${secret} }, join: { id: ${secret} } } }`,
      `routes: [{ runs: ${secret}, drop: true }]`,
      `params: [${secret}]`,
      `artifacts: [{ files: ${secret} }]`,
    );
    for (const format of [['--json'], []]) {
      const { stdout } = await mustRun(['config', 'show', ...format], { cwd: folder, env: { A_TOKEN: 'hunter2' } });
      expect(stdout).not.toContain('hunter2');
      expect(stdout).toContain('[redacted]');
    }
  });
});

describe('doctor', () => {
  it('checks roots and files, creates nothing, and exits 0 if it finds no problem', async () => {
    const { stdout } = await mustRun(['doctor', corpus('tf2_scalars')], { cwd: folder });
    expect(stdout).toMatch(/2 event files of 2 runs/);
    expect(stdout).toMatch(/state: .* does not exist yet and can be created, .* free on/);
    expect(readdirSync(folder)).toEqual(['trial-backend.mjs']);
  });

  it('exits 1 for a missing root, and for a store that is not valid', async () => {
    expect((await mustRun(['doctor', 'nowhere'], { cwd: folder }, 1)).stdout).toMatch('no such directory: nowhere');
    writeFileSync(join(folder, 'mirrorboard.db'), 'this is no database, and long enough to pass for one');
    expect((await mustRun(['doctor', corpus('tf2_scalars')], { cwd: folder }, 1)).stdout).toMatch(/problem +store: /);
  });

  it('ignores the runs that the configuration excludes', async () => {
    for (const run of ['kept', 'private', 'debug']) cpSync(corpus('tf2_scalars'), join(folder, 'logs', run), { recursive: true });
    symlinkSync('nowhere', join(folder, 'logs', 'private', 'events.out.tfevents.1'));
    const looked = async (): Promise<Checked | undefined> => {
      const { stdout } = await mirrorboard(['doctor', '--json', 'logs'], { cwd: folder });
      return (JSON.parse(stdout).findings as Checked[]).find(({ area }) => area === 'root');
    };
    expect(await looked()).toMatchObject({ state: 'problem', runs: 6 });
    configure('ignore: [private]', 'exclude: ["debug/**"]');
    expect(await looked()).toMatchObject({ state: 'ok', runs: 2, obstacles: [] });
  });

  it('names the process that uses the store', async () => {
    const running = start(['watch', corpus('tf2_scalars'), '--log-level', 'info', '--log-format', 'json'], { cwd: folder });
    await running.said(/"msg":/);
    const { stdout } = await mustRun(['doctor', '--json', corpus('tf2_scalars')], { cwd: folder });
    const store = (JSON.parse(stdout).findings as Checked[]).find(({ name }) => name === 'store');
    expect(store?.['in_use_by']).toMatch(`process ${running.child.pid}`);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
    const after = JSON.parse((await mustRun(['doctor', '--json'], { cwd: folder })).stdout);
    expect((after.findings as Checked[]).find(({ name }) => name === 'store')?.['in_use_by']).toBeNull();
  });

  it('shows what each tracker would lose; exits 3 if one does not answer and there is no other problem', async () => {
    configure(`lanes: { local: {}, t: { ${TRIAL}, url: u1 }, down: { ${TRIAL}, url: u2, mode: down } }`);
    const { stdout } = await mustRun(['doctor', corpus('tf2_scalars')], { cwd: folder }, 3);
    for (const sentence of ['Not stored: mesh.', 'Stored as artifacts of the run, not as values: images.', 'Minus zero becomes zero.']) {
      expect(stdout).toMatch(sentence);
    }
    expect(stdout).toMatch(/version 1\.2\.3.*its clock is 1 min 30 s ahead of ours/);
    expect(stdout).toMatch(/unreachable +down: nobody answers at u2 \[MB4001\]/);
    expect(stdout).toMatch('Nothing was written');
    configure(`lanes: { t: { ${TRIAL}, url: u1, mode: refused }, down: { ${TRIAL}, url: u2, mode: down } }`);
    await mustRun(['doctor', corpus('tf2_scalars')], { cwd: folder }, 1);
  });

  it('writes a small run, reads it back, compares, and removes it', async () => {
    configure(
      'lanes:',
      `  well: { ${TRIAL}, url: u1 }`,
      `  forgets: { ${TRIAL}, url: u2, mode: forgets }`,
      `  rounds: { ${TRIAL}, url: u3, mode: rounds }`,
      `  down: { ${TRIAL}, url: u4, mode: down }`,
    );
    const { stdout } = await mustRun(['doctor', '--write', '--json', corpus('tf2_scalars')], { cwd: folder }, 1);
    const findings = JSON.parse(stdout).findings as Checked[];
    expect(states(findings, 'trial')).toEqual({ well: 'ok', forgets: 'problem', rounds: 'problem' });
    const differences = findings.find(({ area, name }) => area === 'trial' && name === 'forgets')?.['differences'];
    expect(differences).toHaveLength(4);
    expect(findings.find(({ area, name }) => area === 'trial' && name === 'well')).toMatchObject({ left: null, points: 4 });
  });
});

describe('init', () => {
  it('writes a valid configuration, with the roots given, and overwrites none', async () => {
    mkdirSync(join(folder, 'runs'));
    const { stderr } = await mustRun(['init', 'runs', 'odd=$' + '{X}/"logs"'], { cwd: folder });
    expect(stderr).toMatch(/Next: mirrorboard config check/);
    const { values } = JSON.parse((await mustRun(['config', 'show', '--json'], { cwd: folder })).stdout);
    const roots = values.filter(({ key }: { key: string }) => key.startsWith('roots')).map(({ value }: { value: string }) => value);
    expect(roots).toEqual(['runs', 'odd=$' + '{X}/"logs"']);
    const text = readFileSync(join(folder, 'mirrorboard.yaml'), 'utf8');
    expect((await mustRun(['init', 'other'], { cwd: folder }, 2)).stderr).toMatch('already exists');
    expect(readFileSync(join(folder, 'mirrorboard.yaml'), 'utf8')).toBe(text);
    await mustRun(['init', '--force', '--json'], { cwd: folder });
    await mustRun(['config', 'check'], { cwd: folder });
  });

  it('creates the missing folders of its path', async () => {
    await mustRun(['init', '--out', 'deploy/prod/mirrorboard.yaml'], { cwd: folder });
    await mustRun(['config', 'check', '--config', 'deploy/prod/mirrorboard.yaml'], { cwd: folder });
  });

  it('writes commented settings that are valid once they are uncommented', async () => {
    await mustRun(['init'], { cwd: folder });
    const file = join(folder, 'mirrorboard.yaml');
    const text = readFileSync(file, 'utf8').replace(/^#(?! )|^#(?= {2})/gm, '');
    writeFileSync(file, text);
    mkdirSync(join(folder, 'runs'));
    const env = { MLFLOW_URL: 'http://mlflow:5000' };
    const { stdout } = await mustRun(['config', 'check', '--profile', 'production', '--json'], { cwd: folder, env });
    expect(JSON.parse(stdout)).toMatchObject({ profile: 'production' });
    expect(stdout).toContain('http://mlflow:5000');
    expect(stdout).not.toContain('http://localhost:5000');
    const all = await mustRun(['config', 'show', '--json'], { cwd: folder });
    const values: { readonly key: string; readonly value: unknown }[] = JSON.parse(all.stdout).values;
    expect(values.find(({ key }) => key === 'lanes')?.value).toEqual(['local', 'mlflow', 'wandb', 'clearml', 'aim', 'trackio', 'parquet']);
  });
});

describe('the other lanes of a configuration', () => {
  it('get data too, unless --to leaves them out', async () => {
    configure(`lanes: { local: {}, t: { ${TRIAL}, url: u } }`);
    expect((await mustRun(['backfill', corpus('tf2_scalars')], { cwd: folder })).stderr).toMatch(/Lane t .*: up to date, 302 new points/);
    await mustRun(['backfill', '--to', 'local', corpus('tf2_scalars')], { cwd: folder });
    expect((await mustRun(['backfill', '--to', 'nix', corpus('tf2_scalars')], { cwd: folder }, 2)).stderr).toMatch(
      'no such lane: "nix"; known lanes: local, mlflow, wandb, clearml, aim, trackio, parquet, t',
    );
    configure(`lanes: { t: { ${TRIAL}, url: u } }`);
    expect((await mirrorboard(['verify', '--lane', 'local'], { cwd: folder })).stderr).toMatch('MB4010');
    await mustRun(['export', '--format', 'csv'], { cwd: folder });
  });
});
