import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseConfigFile } from '../../../src/config/config-file.js';
import { MirrorError } from '../../../src/errors.js';

function parse(text: string, env: Record<string, string> = {}) {
  return parseConfigFile('m.yaml', text, env).settings;
}

function failure(text: string, env: Record<string, string> = {}): MirrorError {
  try {
    parse(text, env);
  } catch (error) {
    if (error instanceof MirrorError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('parseConfigFile', () => {
  it.each(['', '# nothing', '---\n', '\ufeff', 'roots:', 'lanes:', 'lanes:\n  local:', 'log:\n'])(
    'accepts a file without settings: %j',
    (text) => {
      expect(() => parse(text)).not.toThrow();
    },
  );

  it('accepts the example, whose settings are the defaults as the comments claim', () => {
    const text = readFileSync(new URL('../../../../config/mirrorboard.example.yaml', import.meta.url), 'utf8');
    expect(parse(text)).toEqual({
      project: 'computer_vision',
      roots: [
        { path: './runs' },
        {
          path: '/mnt/logs',
          name: 'cluster-a',
          links: 'owner',
          replaced: 'new_run',
          run_ended_after: 7_200_000,
          exclude: ['scratch'],
          ignore: ['attic'],
        },
      ],
      links: 'owner',
      replaced: 'new_run',
      scan_interval: 60_000,
      run_ended_after: 1_800_000,
      shutdown_grace: 25_000,
      reload: 'file',
      exclude: ['**/debug'],
      ignore: ['*.copy'],
      moved: 'follow',
      tags: { team: 'vision' },
      runs: {
        experiment: '{project}',
        name: '{path}',
        parent: '{parent}',
        fold: ['train', 'validation'],
        fold_flat: ['tensorboard', 'version_*'],
        fold_hparams: true,
      },
      routes: [
        { runs: ['debug/**'], lanes: ['local'] },
        { kinds: ['histograms'], every: 10, on: ['mlflow'] },
        { tags: ['old/{rest**}'], rename: 'new/{rest}' },
        { assign: { groups: { a: ['mlflow'], both: ['mlflow', 'archive'] }, weights: { a: 1, both: 2 } } },
      ],
      params: [{ files: ['hparams.yaml'] }, { files: ['.hydra/config.yaml'] }, { tag: ['args/text_summary'] }],
      artifacts: [
        { files: ['checkpoint_epoch_{n}.pth'], to: 'checkpoints/epoch_{n}.pth', register_model: 'ImageClassifier' },
        { files: ['train_data.csv'], dataset: 'train' },
        { files: ['../checkpoint-{step}/*.safetensors'], once: true },
      ],
      lanes: {
        local: { path: './mirrorboard.db', media_path: './mirrorboard.media' },
        mlflow: {
          tracking_uri: 'http://mlflow:5000',
          experiment_name: 'Production',
          run_name: '{name}',
          tags: { version: 'v1.0' },
          join: [{ file: 'mlflow_run_id.txt', prefix: 'tb/' }],
        },
        archive: { type: 'mlflow', tracking_uri: 'https://mlflow.company.com', experiment: 'archive/{path[0]}' },
      },
      backend: ['local', 'mlflow'],
      profiles: {
        development: { lanes: { local: {}, mlflow: {} }, mlflow: { tracking_uri: 'sqlite:///dev.db' } },
        production: {
          lanes: { local: {}, mlflow: {}, archive: {} },
          project: 'vision_production',
          tags: { stage: 'production' },
        },
      },
      umask: '077',
      memory: 512 * 2 ** 20,
      log: { level: 'info', format: 'json' },
    });
  });

  it('reports file, line, column, field, the found value and the expected one', () => {
    const error = failure('lanes:\n  local:\n    path: [a]\n');
    expect(error.code).toBe('MB1002');
    expect(error.message).toBe('m.yaml:3:11: lanes.local.path: found a list, expected the path of the SQLite file');
    expect(error.context).toEqual({
      file: 'm.yaml',
      line: 3,
      column: 11,
      field: 'lanes.local.path',
      found: 'a list',
      expected: 'the path of the SQLite file',
      problems: 1,
    });
  });

  it('reports all problems at once, in the order of the file', () => {
    const error = failure(
      'log:\n  level: loud\n  colour: red\nroots:\n  - { name: a }\n  - 5\nproject: ""\nlanes: { local: { mediaPath: x } }\n',
    );
    expect(error.message.split('\n')).toEqual([
      'm.yaml has 6 problems:',
      '  m.yaml:2:10: log.level: found "loud", expected one of silent, error, warn, info, debug',
      '  m.yaml:3:3: log.colour: found an unknown key, expected one of level, format',
      '  m.yaml:5:5: roots[0].path: found nothing, expected the path of a log directory',
      '  m.yaml:6:5: roots[1]: found 5, expected a mapping with path, name, links, replaced, run_ended_after, include, exclude, ignore',
      '  m.yaml:7:10: project: found "", expected a name, not empty',
      '  m.yaml:8:19: lanes.local.mediaPath: found an unknown key, expected one of path, media_path; did you mean media_path?',
    ]);
    expect(error.context).toMatchObject({ line: 2, problems: 6 });
  });

  it.each([
    ['rots: []', 'did you mean roots?'],
    ['lanes: { locl: {} }', 'did you mean local?'],
    ['lanes: { local: { media-path: x } }', 'did you mean media_path?'],
    ['log: { level: wran }', 'did you mean warn?'],
  ])('suggests a name for %s', (text, guess) => {
    expect(failure(text).message).toContain(guess);
  });

  it.each(['- a', 'text', '5'])('requires a mapping, not %s', (text) => {
    expect(failure(text).message).toContain('expected a mapping with project, lanes, ');
  });

  it('refuses invalid YAML, and types that no setting has', () => {
    expect(failure('project: "a').code).toBe('MB1002');
    expect(failure('__proto__: { project: a }').message).toContain('the key __proto__');
    expect(failure('[a]: b').message).toContain('a key that is not a text');
    expect(failure('roots: &a [*a]').message).toContain('aliases that repeat endlessly');
  });

  it.each([
    ['project: a\nlog: {}\nproject: b', '3:1: project: found the key a second time, first in line 1, expected each key once'],
    ['lanes:\n  m: { type: a, tags: { x: 1, x: 2 } }', '2:31: lanes.m.tags.x: found the key a second time'],
    ['project: a\n---\nproject: b', '2:1: found a second YAML document, expected one document'],
    ['project: a\n---\n', '2:1: found a second YAML document'],
    ['lanes:\n  a: &a { type: mlflow }\n  b:\n    <<: *a', '4:5: lanes.b["<<"]: found a merge (<<)'],
    ['tags:\n  <<: { a: b }', '2:3: tags["<<"]: found a merge (<<)'],
    ['lanes:\n\tlocal: {}', '2:1: found a syntax error (Tabs are not allowed as indentation), expected YAML'],
    ['include: *.pt', '1:10: include: found an alias (*) to a missing anchor'],
    ['runs: { fold: [*x] }', '1:16: runs.fold[0]: found an alias (*)'],
  ])('refuses YAML that parsers usually tolerate: %j', (text, message) => {
    const error = failure(text);
    expect([error.code, error.message]).toEqual(['MB1002', expect.stringContaining(`m.yaml:${message}`)]);
  });

  it('accepts one document with its marks, and a key that another mapping has too', () => {
    expect(parse('---\nproject: a\nlog: { level: info }\ntags: { level: x }\n...\n')).toMatchObject({ project: 'a' });
  });

  it.each([
    ['path: x\nroots: [{ path: a, level: b }]', 'roots[0].level', 'level is a setting below log'],
    ['log: { project: x }', 'log.project', 'project is a top-level setting'],
    ['mlflow: { tracking_uri: x }', 'mlflow', 'Put the settings of a lane below lanes: lanes.mlflow'],
    ['lanes:\n  local:\n  path: x', 'lanes.path', 'If path is a setting of a lane, indent it'],
    ['project: 1', 'project', 'Put it in quotes: "1"'],
    ['runs: { name: {path} }', 'runs.name', 'put a text with braces in quotes, such as "{path}"'],
    ['umask: 027', 'umask', 'Put it in quotes: "027"'],
    ['lanes: []', 'lanes', 'expected a mapping of lanes, or a list of their names, not empty'],
    ['profiles: { p: { lanes: [] } }', 'profiles.p.lanes', 'a list of their names, not empty'],
    ['project: " "', 'project', 'a name, not only blanks'],
    ['runs: { name: " " }', 'runs.name', 'a template, not only blanks'],
    ['lanes: { local: { path: ./a.db, media_path: a.db } }', 'lanes.local.media_path', 'a separate folder'],
    ['umask: "777"', 'umask', 'that keep all permissions of the owner'],
    ['memory: 100000GiB', 'memory', 'at most 64TiB'],
    ['roots: ./runs', 'roots', 'Write a list as [x]'],
    ['profiles: { p: { projct: x } }', 'profiles.p.projct', 'did you mean project?'],
    ['profiles: { p: { log: { level: info } } }', 'profiles.p.log', 'expected it at the top level: profiles cannot have their own log'],
    ['config: { shared_tgs: [a] }', 'config.shared_tgs', 'did you mean shared_tags?'],
    ['lanes: { m: { type: mlflow } }\nprofiles: { p: { backend: [n] } }', 'profiles.p.backend[0]', 'a lane with a type'],
    ['lanes: { arch: { type: mlflow } }\nprofiles: { p: { backends: [arhc] } }', 'profiles.p.backends[0]', 'did you mean arch?'],
  ])('suggests a remedy for %j', (text, field, advice) => {
    const error = failure(text);
    const line = `${error.message}\nhint: ${error.hint}`;
    expect(line).toContain(`: ${field}: found `);
    expect(line).toContain(advice);
  });

  it.each([
    ['include: ["[a"]', '1:11: include[0]: found "[a", expected a glob that can match', 'Close it; or write \\'],
    ["exclude: 'a\\'", '1:10: exclude[0]: found "a\\\\"', 'Close it'],
    ['ignore: ["[z-a]"]', '1:10: ignore[0]: found "[z-a]"', 'Close it'],
    ['roots: [{ path: a, include: ["x{b"] }]', '1:30: roots[0].include[0]: found "x{b"', 'Close it'],
    ['include: [/data/runs]', 'include[0]: found "/data/runs", expected a path below the log directory', 'without a leading /'],
    [
      'exclude: [../old]',
      'exclude[0]: found "../old", expected a path below the log directory',
      'Paths below a log directory never have such parts',
    ],
    ['exclude: ["**"]', '1:11: exclude[0]: found "**", expected a glob that does not match everything', 'excludes every run'],
    [
      'roots: [{ path: a, ignore: "*" }]',
      'roots[0].ignore[0]: found "*", expected a glob that does not match everything',
      'excludes every run',
    ],
    ['exclude: [a//b]', 'exclude[0]: found "a//b"', 'Paths below a log directory never have such parts'],
    ['exclude: ["!debug"]', 'exclude[0]: found "!debug", expected a glob that does not begin with !', '!(debug)/**'],
    ['include: ["exp_{n}"]', 'include[0]: found "exp_{n}", expected a glob, in which {n} means nothing', 'Write * for any name'],
    ["include: ['exp\\d*']", 'expected a glob, in which \\d means nothing', 'Globs are not regular expressions'],
    ['routes: [{ runs: "a{b", drop: true }]', '1:18: routes[0].runs[0]: found "a{b"', 'Close it'],
    ['routes: [{ tags: "a{b*", drop: true }]', '1:18: routes[0].tags[0]: found "a{b*"', 'Close it'],
    ['routes: [{ tags: "*/{my-x}", drop: true }]', 'expected a pattern without {my-x}, which is not a name', 'A name has letters'],
    ['routes: [{ tags: [a, "!b"], drop: true }]', 'routes[0].tags[1]: found "!b"', '!(debug)/**'],
    [
      'params: [/etc/passwd]',
      '1:10: params[0].files[0]: found "/etc/passwd", expected a path below the run\'s directory',
      'without a leading /',
    ],
    [
      'artifacts: { files: "a/../../b" }',
      '1:21: artifacts[0].files[0]: found "a/../../b"',
      'Paths below a log directory never have such parts',
    ],
    ['artifacts: [checkpoints/]', 'expected a pattern of files, not of a directory', 'All files in it: checkpoints/**'],
    ['runs: { fold: [eval/train] }', '1:16: runs.fold[0]: found "eval/train", expected the name of a directory', 'Give one name per level'],
    ['runs: { fold_flat: ["version_["] }', 'runs.fold_flat[0]: found "version_["', 'Close it'],
  ])('refuses a glob that cannot match as written: %s', (text, message, hint) => {
    const error = failure(text);
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  });

  it.each([
    'include: [., "**", "a/", "./b", "*.{pt,pth}", "v{1..3}", "[[:digit:]]*", "!(debug)/**", "lr=0.1", \'\\[a\', \'exp_\\{n\\}\']',
    'routes: [{ tags: ["metrics/mAP50(B)", "/abs//tag/", "loss {raw}", "layer[0]", "old/{rest**}", "{a}/{b}"], drop: true }]',
    'artifacts: [{ files: ["../../checkpoint-{step}/*", "a (1).txt", "**/*.pt"] }]',
    'runs: { fold: ["eval_*", "{train,test}"], fold_flat: ["!(train)"] }',
  ])('accepts the globs of %s', (text) => {
    expect(() => parse(text)).not.toThrow();
  });

  it('does not suggest quotes around text that is invalid in quotes, too', () => {
    const error = failure('umask: 999');
    expect([error.message, error.hint]).toEqual([expect.stringContaining('umask: found 999, expected octal digits in quotes'), undefined]);
  });

  it('shows no value of a secret variable that is a list', () => {
    const text = `lanes: { m: { type: mlflow, join: { file: x, wait: "\${A_TOKEN}" } } }`;
    expect(failure(text, { A_TOKEN: 'hunter2' }).message).toContain('join[0].wait: found a hidden value');
  });

  it('puts several hints at their places, and one at the end', () => {
    const several = failure('project: 1\nroots: x');
    expect(several.message.split('\n').map((line) => line.trim().split(':', 1)[0])).toEqual([
      'm.yaml has 2 problems',
      'm.yaml',
      'hint',
      'm.yaml',
      'hint',
    ]);
    expect(several.hint).toBeUndefined();
  });

  it.each([
    ['lanes: { mlflow: { tracking_uri: "http://u:hunter2@h" } }', 'lanes.mlflow.tracking_uri contains a password'],
    ['lanes: { mlflow: { tracking_uri: "http://u:hun/ter2@h" } }', 'lanes.mlflow.tracking_uri contains a password'],
    ['lanes: { mlflow: { tracking_uri: "http://:hun@ter2@h" } }', 'lanes.mlflow.tracking_uri contains a password'],
    ['lanes: { mlflow: { tracking_uri: "postgresql://h/d?password=hunter2" } }', 'lanes.mlflow.tracking_uri contains a secret'],
    ['profiles: { p: { mlflow: { tracking_uri: "mysql://u:hunter2@h/d" } } }', 'profiles.p.mlflow.tracking_uri contains a password'],
  ])('warns about a password in an address, and does not show it: %s', (text, notice) => {
    const { notices } = parseConfigFile('m.yaml', text, {});
    expect(notices).toEqual([expect.stringContaining(notice)]);
    expect(notices[0]).not.toMatch(/hun|ter2/);
  });

  it.each(['http://h:5000/a@b', `http://u:\${PW:-}@h`, 'http://u@h', 'sqlite:///a:b@c.db', 'https://h/?page=2'])(
    'does not warn about %s',
    (address) => {
      expect(parseConfigFile('m.yaml', `lanes: { mlflow: { tracking_uri: "${address}" } }`, {}).notices).toEqual([]);
    },
  );

  it('reports an empty file', () => {
    expect(parseConfigFile('m.yaml', '# nothing\n', {}).notices).toEqual(['m.yaml is empty: using the defaults']);
  });

  it('explains a plain variable in a flow mapping, and reports one syntax error per line', () => {
    const error = failure(`log: { level: \${LEVEL} }\nlanes: { local: { path: \${A} } }`);
    expect([error.context['line'], error.context['column'], error.hint?.includes('in quotes')]).toEqual([1, 16, true]);
    expect(error.message.match(/m\.yaml:1:/g)?.length).toBe(1);
  });

  it('does not expand a few lines to billions', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 12; i++) lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]`);
    expect(failure(lines.join('\n')).message).toContain('aliases that repeat');
  });

  it('accepts anchors', () => {
    expect(parse('project: &p vision\nroots: [{ path: /a, name: *p }]')).toEqual({
      project: 'vision',
      roots: [{ path: '/a', name: 'vision' }],
    });
  });

  it('refuses ~ and names that look like paths', () => {
    expect(failure('roots: [~/logs]').message).toContain(`write \${HOME}`);
    expect(failure('roots: [{ path: a, name: b/c }]').message).toContain('found "b/c", expected a name without /');
  });
});

describe('variables', () => {
  it('are replaced once', () => {
    const env = { A: `\${B}`, B: 'b', EMPTY: '' };
    expect(parse(`project: x-\${A}-\${EMPTY}-\${C:-c d}-\${EMPTY:-e}-$\${B}-$5`, env).project).toBe(`x-\${B}--c d-e-\${B}-$5`);
  });

  it('must be set', () => {
    const error = failure(`lanes:\n  local:\n    path: \${STORE}/x\n`);
    expect(error.code).toBe('MB1004');
    expect(error.message).toBe(`m.yaml:3:11: lanes.local.path: found \${STORE}, which is not set, expected a variable that is set`);
    expect(error.hint).toContain('STORE');
  });

  it('are reported once, together with other problems', () => {
    const error = failure(`roots: [{ path: "\${A}" }]\nlog: { level: "\${B}" }\nx: 1`);
    expect([error.code, error.context['problems']]).toEqual(['MB1002', 3]);
    expect(error.message.match(/\[MB1004\]/g)?.length).toBe(2);
  });

  it.each([`\${`, `\${}`, `\${1}`, `\${A`, `\${A:b}`, `\${A:-\${B}}`])('are errors in this form: %s', (text) => {
    expect(failure(`project: '${text}'`, { A: 'a', B: 'b' }).message).toContain(`expected \${VAR} or \${VAR:-default}`);
  });

  it('count as missing if they are empty', () => {
    expect(failure(`lanes: { local: { path: "\${A}" } }`, { A: '' }).message).toContain('not empty');
  });
});

describe('secrets', () => {
  const SECRET = 'hunter2';

  it.each([
    `lanes: { local: { api_key: ${SECRET} } }`,
    `lanes: { local: { wandb_token: [${SECRET}] } }`,
    `password: "${SECRET}"`,
    `password: ${SECRET}\${A}`,
    `password: \${A:-${SECRET}}`,
    `secret: { a: { b: ${SECRET} } }`,
    `apiKey: ${SECRET}`,
    `password: *${SECRET}`,
    `password: !${SECRET}`,
    `password: !${SECRET} x`,
    `password: "${SECRET}`,
    `password: |${SECRET}`,
    `password: @${SECRET}`,
    `password: a: ${SECRET}`,
    `password: [a] ${SECRET}`,
    `password: %${SECRET}`,
    `? { password: ${SECRET} }\n: x`,
    `log: { level: "http://me:${SECRET}@host/" }`,
    `log: { level: "\${SECRET_TOKEN}" }`,
    `log: { level: "\${VAULT_PASSWORD}x" }`,
  ])('are never shown: %s', (text) => {
    const error = failure(text, { SECRET_TOKEN: SECRET, VAULT_PASSWORD: SECRET, A: 'a' });
    expect(JSON.stringify([error.message, error.hint, error.context])).not.toContain(SECRET);
  });

  it('are refused if they are written in a file, with a remedy', () => {
    const error = failure(`password: ${SECRET}`);
    expect(error.message).toContain('found a secret written in the file (hidden)');
    expect(error.hint).toContain(`\${VAR}`);
  });

  it('from variables are refused only because of the key, which this version does not know', () => {
    expect(failure(`lanes: { local: { api_key: "\${KEY}" } }`, { KEY: SECRET }).message).toContain('found an unknown key');
  });
});
