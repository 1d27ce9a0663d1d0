import { describe, expect, it } from '@jest/globals';
import { type Config, loadConfig } from '../../../src/config/index.ts';

const LANES = 'lanes: { local: {}, mlflow: { tracking_uri: "http://m" }, second: { type: mlflow, tracking_uri: "http://n" } }\n';

function load(text: string): Promise<Config> {
  return loadConfig({ flags: { config: 'm.yaml' }, env: {}, cwd: '/', readFile: () => LANES + text });
}

async function problem(text: string): Promise<string> {
  try {
    await load(text);
  } catch (error) {
    return String((error as Error).message);
  }
  return '';
}

describe('routes of a configuration', () => {
  it('are empty, and nothing is folded, if nothing is configured', async () => {
    const { routes, fold, params, artifacts } = await load('');
    expect({ routes, fold, params, artifacts }).toEqual({
      routes: [],
      fold: { names: [], flat: [], hparams: false },
      params: [],
      artifacts: [],
    });
  });

  it('have a location in the file', async () => {
    const { routes } = await load('routes:\n  - { runs: "debug/**", lanes: [local] }\n  - { kinds: images, every: 5 }\n');
    expect(routes).toEqual([
      { location: 'm.yaml:3:5', runs: ['debug/**'], lanes: ['local'] },
      { location: 'm.yaml:4:5', kinds: ['images'], every: 5 },
    ]);
  });

  it('of a profile replace those at the top', async () => {
    const text = 'routes: [{ drop: true }]\nprofiles: { p: { routes: [{ except: [mlflow] }], runs: { fold: train } } }\n';
    const config = await loadConfig({ flags: { config: 'm.yaml', profile: 'p' }, env: {}, cwd: '/', readFile: () => LANES + text });
    expect([config.routes.map(({ except }) => except), config.fold.names]).toEqual([[['mlflow']], ['train']]);
  });

  it.each([
    ['routes: [{ runs: a }]', 'a rule without an effect'],
    ['routes: [{ lanes: [mflow] }]', 'did you mean mlflow?'],
    ['routes: [{ kinds: [image], drop: true }]', 'did you mean images?'],
    ['routes: [{ needs: [colaboration] }]', 'did you mean collaboration?'],
    ['routes: [{ tags: "a/{x}", rename: "{y}" }]', 'there is {x}, {tag}, {run}'],
    ['routes: [{ every: 0 }]', 'a whole number from 1'],
    ['routes: [{ assign: { groups: {} } }]', 'not empty'],
    ['routes: [{ assign: { groups: { a: [mlflow] }, weights: { b: 1 } } }]', 'expected one of a'],
    ['routes: [{ assign: { groups: { a: [mlflow] }, weights: { a: 0 } } }]', 'one above 0'],
    ['routes: [{ tags: x, assign: { groups: { a: [mlflow] } } }]', 'a rule for whole runs'],
    ['routes: [{ assign: { groups: { a: [mlflow] }, by: "{nope}" } }]', '{nope}'],
    ['artifacts: [{ files: "a_{n}", to: "b/{m}" }]', 'there is {n}, {path}, {file}'],
    ['artifacts: [{ files: a, alias: x }]', 'an alias without register_model'],
    ['artifacts: [{ files: a, most_bytes: 5 parsec }]', 'a size like 500 MB'],
    ['params: [{ files: a, lanes: [nobody] }]', 'the lane "nobody"'],
    ['params: [{ files: a, tag: b }]', 'found files and tag, expected one of the two'],
    ['routes: [{ drop: false }]', 'm.yaml:2:10: routes[0]: found a rule with only drop: false'],
    ['routes: [{ kinds: images, every: 1 }]', 'a rule with only every: 1'],
    ['routes: [{ drop: true, lanes: [mlflow] }]', 'm.yaml:2:18: routes[0].drop: found drop together with lanes'],
    ['routes: [{ base: mlflow, except: [second] }]', 'base without needs'],
    ['routes: [{ on: [mlflow], lanes: [mlflow] }]', 'lanes that excludes none of mlflow'],
    ['routes: [{ on: [mlflow], except: [second] }]', 'except that excludes none of mlflow'],
    ['routes: [{ on: [local], drop: true }]', 'the local store always gets every run'],
    ['routes: { except: local }', 'm.yaml:2:19: routes[0].except: found only local'],
    ['params: [{ files: a.yaml, lanes: local }]', 'params[0].lanes: found only local'],
    ['artifacts: [{ files: a, lanes: [local] }]', 'artifacts[0].lanes: found only local'],
    ['artifacts: [{ files: a, to: ../b }]', 'artifacts[0].to: found "../b", expected a path in the tracker run'],
    ['artifacts: [{ files: a, to: /b }]', 'artifacts[0].to: found "/b"'],
    ['artifacts: [{ files: "v{n}.pt", register_model: m, alias: "v{n}" }]', 'alias is not a template'],
    ['artifacts: [{ files: a, dataset: "{file}" }]', 'dataset is not a template'],
    ['artifacts: [{ files: a, model_tags: { a: b } }]', 'model_tags without register_model'],
    ['routes: [{ assign: { groups: { a: [mlflow] }, by: path } }]', '"path", which is the same for every run'],
    ['routes: [{ assign: { groups: { a: [mlflow] }, by: "{group}" } }]', 'which is the same for every run'],
    ['routes: [{ tags: "a/{x}", rename: "{x-y}" }]', '{x-y} in "{x-y}", and there is {x}, {tag}, {run}'],
    ['routes: [{ rename: "{tag" }]', 'a single { in "{tag"'],
    ['runs: { fold: [train, eval], fold_flat: [eval] }', 'm.yaml:2:42: runs.fold_flat[0]: found "eval", which is also in fold'],
    ['config: { mlflow: { join: { prefix: "a/" } } }', 'm.yaml:2:27: config.mlflow.join[0]: found neither file nor id'],
    ['config: { mlflow: { join: [{ file: a, id: b }] } }', 'found file and id, expected one of the two'],
    ['config: { mlflow: { join: { id: b, key: c } } }', 'a key without a file'],
    ['config: { mlflow: { join: { id: b, wait: 5 } } }', 'a wait without a file'],
    ['config: { mlflow: { join: { id: "{nmae}" } } }', 'found {nmae}, expected one of'],
    ['config: { mlflow: { join: { file: /tmp/id } } }', 'found "/tmp/id", expected a path below the run'],
    ['config: { mlflow: { join: [a, { file: b, runs: c }] } }', 'found "a", expected a mapping with runs, file'],
    ['config: { mlflow: { join: [{ file: a }, { file: b, runs: c }] } }', 'an entry after one for all runs (1.)'],
    ['config: { mlflow: { join: { prefix: 3 } } }', 'm.yaml:2:37: config.mlflow.join[0].prefix: found 3, expected a text'],
    ['params: [{ prefix: a }]', 'found neither files nor tag'],
    ['artifacts: [{ files: ../a, once: maybe }]', 'true or false'],
    ['runs: { fold: [] }', 'the name of a directory'],
  ])('refuse %s', async (text, words) => {
    expect(await problem(text)).toContain(words);
  });

  it('accept sizes in common spellings', async () => {
    const { artifacts } = await load('artifacts: [{ files: a, most_bytes: 2 GB }, { files: b, most_bytes: 1.5 MiB }]');
    expect(artifacts.map(({ mostBytes }) => mostBytes)).toEqual([2_000_000_000, 1_572_864]);
  });

  it('accept params from files and from tags, by patterns', async () => {
    const { params } = await load('params: [a.yaml, { tag: [args/*, b], prefix: "x." }]');
    expect(params).toEqual([
      { location: 'm.yaml:2:10', files: ['a.yaml'], tags: [], prefix: '' },
      { location: 'm.yaml:2:18', files: [], tags: ['args/*', 'b'], prefix: 'x.' },
    ]);
  });

  it('keep the rules of joining with their lane', async () => {
    const text = 'config: { mlflow: { join: [{ runs: a, id: "{name}" }, { file: id.txt, wait: 5 }] }, second: { join: run_id } }';
    const { lanes } = await load(text);
    expect(lanes.trackers.map(({ joins }) => joins)).toEqual([
      [
        { runs: ['a'], id: '{name}', waitMs: 60_000 },
        { file: 'id.txt', waitMs: 5000 },
      ],
      [{ file: 'run_id', waitMs: 60_000 }],
    ]);
  });
});
