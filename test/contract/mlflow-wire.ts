// The same requests to the stub and to a real server: their answers have to be the same, or the stub proves nothing.

export interface Exchange {
  readonly name: string;
  readonly status: number;
  /** Without ids, times and white space. */
  readonly body: unknown;
}

interface Request {
  readonly method?: string;
  readonly body?: unknown;
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Asks a server everything that a backend relies on. `group` is the name of an experiment that is not there yet. */
export async function exchangesWith(url: string, group: string): Promise<Exchange[]> {
  const done: Exchange[] = [];
  const ids = new Map<string, string>([[group, 'GROUP']]);
  const ask = async (name: string, path: string, { method, body, raw, headers = {} }: Request = {}): Promise<unknown> => {
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const answer = await fetch(`${url}${path}`, {
      method: method ?? (content === undefined ? 'GET' : 'POST'),
      ...(content === undefined ? {} : { body: content }),
      headers: { ...(content === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    });
    const text = await answer.text();
    const isJson = (answer.headers.get('content-type') ?? '').startsWith('application/json');
    const type = (answer.headers.get('content-type') ?? '').split(';')[0];
    done.push({ name, status: answer.status, body: isJson ? JSON.parse(text) : type });
    return isJson ? JSON.parse(text) : text;
  };
  const api = '/api/2.0/mlflow';
  const metric = (key: string, value: unknown, timestamp: unknown = 1, step: unknown = 0): unknown => ({ key, value, timestamp, step });

  await ask('health', '/health');
  await ask('an unknown endpoint', `${api}/nothing`);
  await ask('no such experiment', `${api}/experiments/get-by-name?experiment_name=${group}`);
  const { experiment_id: experiment } = (await ask('a new experiment', `${api}/experiments/create`, { body: { name: group } })) as {
    experiment_id: string;
  };
  ids.set(experiment, 'EXPERIMENT');
  await ask('an experiment that is there', `${api}/experiments/create`, { body: { name: group } });
  await ask('the experiment', `${api}/experiments/get-by-name?experiment_name=${group}`);
  const tags = [{ key: 'mirrorboard.run_key', value: 'abc' }];
  const { run } = (await ask('a new run', `${api}/runs/create`, {
    body: { experiment_id: experiment, run_name: 'a/b', start_time: 5, tags },
  })) as { run: { info: { run_id: string } } };
  const id = run.info.run_id;
  ids.set(id, 'RUN');
  const search = (filter: string, more: object = {}): Request => ({
    body: { experiment_ids: [experiment], filter, max_results: 10, ...more },
  });
  await ask(
    'a run by its tag',
    `${api}/runs/search`,
    search("tags.`mirrorboard.run_key` = 'abc'", { order_by: ['attributes.start_time ASC'] }),
  );
  await ask('a run by a quoted tag', `${api}/runs/search`, search('tags."mirrorboard.run_key" = \'abc\''));
  await ask('no run', `${api}/runs/search`, search("tags.`mirrorboard.run_key` = 'other'"));
  await ask('a comparator that is none', `${api}/runs/search`, search("tags.a == 'abc'"));
  await ask('too large a page', `${api}/runs/search`, search('', { max_results: 50_001 }));

  const batch = (name: string, fields: object): Promise<unknown> => ask(name, `${api}/runs/log-batch`, { body: { run_id: id, ...fields } });
  await batch('metrics of every kind', {
    metrics: [
      metric('m', 0, 0, 0),
      metric('m', 'NaN', 1, '9007199254740993'),
      metric('m', 'Infinity', 2, -1),
      metric('m', '-Infinity', 2, -1),
      metric('m', -0, 3, 0),
      metric('m', 0, 3, 0),
      metric('m', 5e-324, '9223372036854775807', '-9223372036854775808'),
      metric('ünï/日本 :.-_9', 1.5, 4, 7),
      { key: 'stepless', value: 1, timestamp: 9 },
    ],
  });
  await batch('the same again, in part', { metrics: [metric('m', 0, 0, 0), metric('m', 0, 0, 0), metric('m', 1, 0, 0)] });
  const history = `${api}/metrics/get-history?run_id=${id}&metric_key=`;
  await ask('a history', `${history}m`);
  await ask('a page of it', `${history}m&max_results=2`);
  await ask('the next page', `${history}m&max_results=2&page_token=${Buffer.from('{"offset": 2}').toString('base64')}`);
  await ask('a page of nothing', `${history}m&max_results=0`);
  await ask('the history of no metric', `${history}none`);
  await ask('the latest values', `${api}/runs/get?run_id=${id}`);
  await ask('no such run', `${api}/runs/get?run_id=${'0'.repeat(32)}`);

  // biome-ignore format: a list
  const keys = ['a(b', 'a//b', 'a/', '/a', './a', 'a/../b', '.', '..', '..a', '...', '.a', 'a/..b', '', 'e\u0301', '🚀', 'tab\t', 'end\n', '\u00a0', 'a:b', ' a ', '²', 'ª', '٣', 'x'.repeat(250), 'x'.repeat(251), '損'.repeat(250)];
  for (const key of keys)
    await batch(`the key ${JSON.stringify(key.slice(0, 20))}, ${key.length}`, { metrics: [metric('fine', 1), metric(key, 1)] });
  await batch('a time before 1970', { metrics: [metric('m', 1, -1)] });
  await batch('no value', { metrics: [{ key: 'm', value: null, timestamp: 1 }] });
  await batch('no time', { metrics: [{ key: 'm', value: 1 }] });
  await batch('too many metrics', { metrics: Array.from({ length: 1001 }, () => metric('m', 1)) });
  await batch('too many params', { params: Array.from({ length: 101 }, (_, i) => ({ key: `p${i}`, value: '' })) });
  await batch('params', {
    params: [
      { key: 'p', value: '1' },
      { key: 'long', value: 'é'.repeat(6001) },
    ],
  });
  await batch('the same param', { params: [{ key: 'p', value: '1' }] });
  await batch('another value of a param', { params: [{ key: 'p', value: '2' }], metrics: [metric('lost', 1)] });
  await batch('a param twice', {
    params: [
      { key: 'q', value: '1' },
      { key: 'q', value: '1' },
    ],
  });
  await batch('tags', {
    tags: [
      { key: 't', value: 'x'.repeat(8001) },
      { key: 'mlflow.runName', value: 'c' },
    ],
  });
  await batch('nothing', {});
  await ask('a batch of no run', `${api}/runs/log-batch`, { body: { run_id: '0'.repeat(32), metrics: [metric('m', 1)] } });
  await ask('a tag', `${api}/runs/set-tag`, { body: { run_id: id, key: 't2', value: 'y' } });
  await ask('a body that is no JSON', `${api}/runs/log-batch`, { raw: '{"run_id":' });
  await ask('a body of another type', `${api}/runs/search`, { raw: '{}', headers: { 'content-type': 'text/plain' } });
  await batch('a step with a fraction', { metrics: [metric('c1', 1, 5, 5), metric('c2', 2, 5, 1.5), metric('c3', 3, 5, 5)] });
  await batch('a small nan', { metrics: [metric('d1', 1, 5, 5), metric('d2', 'nan', 5, 5), metric('d3', 3, 5, 5)] });
  await ask('a bare NaN', `${api}/runs/log-batch`, {
    raw: `{"run_id":"${id}","metrics":[{"key":"e1","value":NaN,"timestamp":5,"step":5}]}`,
  });
  await ask('the end', `${api}/runs/update`, { body: { run_id: id, status: 'FINISHED', end_time: 77 } });
  await batch('a late batch', { metrics: [metric('late', 1)] });
  await ask('everything', `${api}/runs/get?run_id=${id}`);

  const files = `/api/2.0/mlflow-artifacts/artifacts/${experiment}/${id}/artifacts`;
  const put = (name: string, path: string, raw = 'hello'): Promise<unknown> =>
    ask(name, `${files}/${path}`, { method: 'PUT', raw, headers: { 'content-type': 'application/octet-stream' } });
  await put('an artifact', 'x/y%20z.bin');
  await put('an artifact again', 'x/y%20z.bin', 'other');
  await put('an empty artifact', 'x/empty', '');
  await put('a file where a folder is', 'x');
  await put('a folder where a file is', 'x/empty/y');
  await put('too long a name', 'z'.repeat(256));
  await put('a hash', 'a%23b');
  await ask('an artifact back', `${files}/x/y%20z.bin`);
  await ask('no artifact', `${files}/x/none`);
  await ask('a part of one', `${files}/x/y%20z.bin`, { headers: { range: 'bytes=1-2' } });
  for (const path of ['', '&path=x', '&path=none', '&path=x/empty'])
    await ask(`the artifacts${path}`, `${api}/artifacts/list?run_id=${id}${path}`);
  await ask('an artifact less', `${files}/x/empty`, { method: 'DELETE' });

  await ask('the run away', `${api}/runs/delete`, { body: { run_id: id } });
  await batch('a batch of a run that is away', { metrics: [metric('m', 1)] });
  await ask('runs that are there', `${api}/runs/search`, search(''));
  await ask('runs that are away', `${api}/runs/search`, search("tags.`mirrorboard.run_key` = 'abc'", { run_view_type: 'DELETED_ONLY' }));
  await ask('the experiment away', `${api}/experiments/delete`, { body: { experiment_id: experiment } });
  await ask('the experiment that is away', `${api}/experiments/get-by-name?experiment_name=${group}`);
  await ask('a run in it', `${api}/runs/create`, { body: { experiment_id: experiment, start_time: 1 } });
  await ask('the experiment back', `${api}/experiments/restore`, { body: { experiment_id: experiment } });
  await ask('a model', `${api}/registered-models/create`, { body: { name: group.replaceAll('/', '-') } });
  await ask('no versions', `${api}/model-versions/search?filter=${encodeURIComponent("run_id = 'x'")}`);
  return done.map(({ body, ...rest }) => ({ ...rest, body: normal(body, ids) }));
}

/** What no two servers have in common. */
const OWN = new Set(['creation_time', 'last_update_time', 'creation_timestamp', 'last_updated_timestamp', 'outputs', 'workspace']);

function normal(value: unknown, ids: ReadonlyMap<string, string>, key = ''): unknown {
  if (typeof value === 'string') {
    if (key === 'error_class' || key === 'sqlstate') return undefined;
    // Messages are for people; what counts is the code, and what of the request is blamed.
    if (key === 'message')
      return /metrics\[\d+\]|params\[\d+\]|tags\[\d+\]|at most \d+|'active' state|Changing param|maximum length/.exec(value)?.[0];
    let text = value;
    for (const [id, name] of [...ids].sort(([a], [b]) => b.length - a.length)) {
      text = id.length > 3 ? text.replaceAll(id, name) : text === id ? name : text.replace(`:/${id}`, `:/${name}`);
    }
    return text;
  }
  if (Array.isArray(value)) {
    const list = value.map((item) => normal(item, ids));
    const named = list.every(
      (item) => typeof item === 'object' && item !== null && 'key' in item && !('step' in item && key === 'metrics' && isHistory(value)),
    );
    return named ? list.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : list;
  }
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([name]) => !OWN.has(name));
  return Object.fromEntries(fields.map(([name, item]) => [name, normal(item, ids, name)] as const).filter(([, item]) => !isEmpty(item)));
}

/** Of one metric, in an order that is the server's. */
function isHistory(list: readonly unknown[]): boolean {
  return new Set(list.map((item) => (item as { key?: string }).key)).size === 1;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined) return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
