// The calls of ClearML's API that a mirror needs, as a 2.3 server answers them. Unknown fields, which a real one
// ignores, are refused.
import { taskMetrics } from './event-pages.ts';
import { type Fields, newId, Refused, type Store, type Task } from './store.ts';

type Endpoint = (body: Fields) => Fields;

/** Fields that a call may have; the first list is needed. */
const FIELDS: Readonly<Record<string, readonly [needed: readonly string[], others: readonly string[]]>> = {
  'projects.create': [['name'], ['description']],
  'projects.get_all': [[], ['name', 'id', 'only_fields', 'search_hidden', 'page', 'page_size']],
  'projects.get_by_id': [['project'], []],
  'tasks.create': [
    ['name', 'type'],
    ['project', 'tags', 'system_tags', 'comment', 'hyperparams', 'configuration', 'runtime', 'script', 'parent'],
  ],
  'tasks.get_all': [[], ['project', 'tags', 'search_hidden', 'only_fields', 'order_by', 'page', 'page_size', 'id', 'name']],
  'tasks.get_by_id': [['task'], []],
  'tasks.edit': [['task'], ['force', 'tags', 'comment', 'runtime', 'script', 'parent']],
  'tasks.update': [['task'], ['name', 'tags', 'comment']],
  'tasks.ping': [['task'], []],
  'tasks.delete': [['task'], ['force']],
  'tasks.archive': [['tasks'], []],
  'tasks.started': [['task'], ['force', 'status_reason', 'status_message']],
  'tasks.completed': [['task'], ['force', 'status_reason', 'status_message']],
  'tasks.failed': [['task'], ['force', 'status_reason', 'status_message']],
  'tasks.stopped': [['task'], ['force', 'status_reason', 'status_message']],
  'tasks.edit_hyper_params': [
    ['task', 'hyperparams'],
    ['force', 'replace_hyperparams'],
  ],
  'tasks.edit_configuration': [
    ['task', 'configuration'],
    ['force', 'replace_configuration'],
  ],
  'tasks.add_or_update_artifacts': [['task', 'artifacts'], ['force']],
  'events.get_task_events': [['task'], ['event_type', 'batch_size', 'order', 'scroll_id', 'metrics']],
  'events.get_scalar_metric_data': [['task', 'metric'], ['scroll_id']],
  'events.get_task_metrics': [['tasks', 'event_type'], []],
  'models.get_all': [[], ['project', 'tags', 'only_fields', 'name', 'page', 'page_size', 'order_by']],
  'models.update': [['model'], ['name', 'tags', 'comment']],
  'models.create': [
    ['uri', 'name'],
    ['project', 'task', 'ready', 'tags', 'comment', 'framework', 'labels'],
  ],
  'debug.ping': [[], []],
  'auth.login': [[], ['expiration_sec']],
};

const TYPES = [
  'training',
  'testing',
  'inference',
  'data_processing',
  'application',
  'monitor',
  'controller',
  'optimizer',
  'service',
  'qc',
  'custom',
];

export function callEndpoint(store: Store, action: string, body: Fields): Fields {
  const fields = FIELDS[action];
  if (fields === undefined) throw new Refused(404, 0, `Unable to find endpoint for name ${action} and version 2.31`);
  const missing = fields[0].filter((name) => body[name] === undefined);
  const odd = Object.keys(body).filter((name) => !fields[0].includes(name) && !fields[1].includes(name));
  if (missing.length > 0) throw new Refused(400, 12, `Validation error (missing ${missing.join(', ')})`);
  if (odd.length > 0) throw new Refused(400, 12, `contract: unknown field(s) in ${action}: ${odd.join(', ')}`);
  return (endpoints(store)[action] as Endpoint)(body);
}

function endpoints(store: Store): Readonly<Record<string, Endpoint>> {
  const move =
    (status: string): Endpoint =>
    ({ task, force }) => {
      // This call alone has words of its own for what is not there.
      if (status === 'in_progress' && !store.tasks.has(String(task))) throw new Refused(400, 10, 'Invalid object id: task=None');
      store.move(store.task(task), status, force === true);
      return { updated: 1, fields: { status }, ...(status === 'completed' ? { published: 0 } : {}) };
    };
  return {
    'debug.ping': () => ({ msg: 'stub' }),
    'projects.create': ({ name }) => {
      const text = plainName(String(name), store.takesShortParts);
      if ([...store.projects.values()].some((project) => project.name === text)) {
        throw new Refused(400, 801, `Project with the same name already exists: name=${text}`);
      }
      let id = '';
      const parts = text.split('/');
      for (let i = 1; i <= parts.length; i++) {
        const path = parts.slice(0, i).join('/');
        const known = [...store.projects.values()].find((project) => project.name === path);
        id = known?.id ?? newId();
        if (known === undefined) store.projects.set(id, { id, name: path });
      }
      return { id };
    },
    'projects.get_all': ({ name, only_fields: fields }) => {
      const pattern = patternOf(name);
      const found = [...store.projects.values()].filter((project) => pattern.test(project.name));
      return { projects: found.map((project) => picked(project, fields)) };
    },
    'projects.get_by_id': ({ project }) => {
      const found = store.projects.get(String(project));
      if (found === undefined) throw new Refused(400, 401, `Invalid project id: id=${String(project)}`);
      return { project: found };
    },
    'tasks.create': (body) => {
      const { type, project, parent } = body;
      const name = String(body['name']).trim();
      if (name.length < 3) throw new Refused(400, 800, 'Data validation error: name=String value is too short');
      if (!TYPES.includes(String(type))) throw new Refused(400, 12, 'Validation error (type)');
      if (project !== undefined && !store.projects.has(String(project)))
        throw new Refused(400, 16, `Invalid value for fields (expecting Project id): id=${String(project)}, field=project`);
      if (parent !== undefined && !store.tasks.has(String(parent)))
        throw new Refused(400, 16, `Invalid value for fields (expecting Task id): id=${String(parent)}, field=parent`);
      const id = newId();
      const empty = {
        status: 'created',
        tags: [],
        runtime: {},
        hyperparams: {},
        configuration: {},
        script: { binary: 'python', requirements: {} },
      };
      store.tasks.set(id, {
        ...empty,
        execution: { artifacts: [] },
        models: { input: [], output: [] },
        ...body,
        name,
        id,
        created: new Date().toISOString(),
      } as unknown as Task);
      return { id };
    },
    'tasks.get_by_id': ({ task }) => ({ task: store.task(task) }),
    'tasks.get_all': ({ project, tags, only_fields: fields, page = 0, page_size: most = 500 }) => {
      const size = Math.min(Number(most), 500);
      const found = [...store.tasks.values()].filter(
        (task) =>
          (project === undefined || (project as string[]).includes(task.project)) &&
          (tags === undefined || (tags as string[]).every((tag) => task.tags.includes(tag))),
      );
      return { tasks: found.slice(Number(page) * size, (Number(page) + 1) * size).map((task) => picked(task, fields)) };
    },
    'tasks.edit': ({ task, force, ...fields }) => {
      const found = store.task(task);
      if (found.status !== 'created' && force !== true) throw new Refused(400, 110, 'Invalid task status: expected=created');
      Object.assign(found, fields);
      return { updated: 1, fields };
    },
    'tasks.update': ({ task, ...fields }) => {
      Object.assign(store.task(task), fields);
      return { updated: 1, fields };
    },
    // Also for one that is not there.
    'tasks.ping': () => ({}),
    'tasks.archive': ({ tasks }) => {
      for (const id of tasks as unknown[]) {
        const task = store.task(id);
        if (['in_progress', 'queued'].includes(task.status)) task.status = 'stopped';
        task['system_tags'] = ['archived'];
      }
      return { archived: (tasks as unknown[]).length };
    },
    // Their answers are texts, since numbers are given as they came.
    'events.get_task_events': () => ({}),
    'events.get_scalar_metric_data': () => ({}),
    'events.get_task_metrics': (body) => taskMetrics(store, body),
    'tasks.delete': ({ task }) => {
      store.task(task);
      store.removeTask(String(task));
      return { deleted: true };
    },
    'tasks.started': move('in_progress'),
    'tasks.completed': move('completed'),
    'tasks.failed': move('failed'),
    'tasks.stopped': move('stopped'),
    'tasks.edit_hyper_params': ({ task, force, hyperparams }) => {
      const found = store.task(task);
      store.editable(found, force === true);
      for (const item of hyperparams as Fields[]) {
        const { section, name, value } = item;
        if (typeof section !== 'string' || section === '' || typeof name !== 'string' || name === '') {
          throw new Refused(400, 12, "Validation error (error for field 'hyperparams': section and name are required)");
        }
        if (typeof value !== 'string')
          throw new Refused(400, 12, "Validation error (error for field 'hyperparams': value must be a string)");
        found.hyperparams[section] ??= Object.create(null) as Record<string, Fields>;
        (found.hyperparams[section] as Record<string, Fields>)[name] = item;
      }
      return { updated: 1 };
    },
    'tasks.edit_configuration': ({ task, force, configuration }) => {
      const found = store.task(task);
      store.editable(found, force === true);
      for (const item of configuration as Fields[]) found.configuration[String(item['name'])] = item;
      return { updated: 1 };
    },
    'tasks.add_or_update_artifacts': ({ task, force, artifacts }) => {
      const found = store.task(task);
      for (const { key, type } of artifacts as Fields[]) {
        if (typeof key !== 'string' || key === '' || typeof type !== 'string' || type === '')
          throw new Refused(400, 12, 'key and type are required');
      }
      store.editable(found, force === true);
      const all = new Map(found.execution.artifacts.map((artifact) => [`${artifact['key']} ${artifact['mode']}`, artifact]));
      for (const artifact of artifacts as Fields[]) all.set(`${artifact['key']} ${artifact['mode'] ?? 'output'}`, artifact);
      found.execution = { artifacts: [...all.values()] };
      return { updated: 1 };
    },
    'models.get_all': ({ project, tags, name, only_fields: fields, page = 0, page_size: size = 500 }) => {
      const pattern = patternOf(name);
      const found = store.models.filter(
        (model) =>
          (project === undefined || (project as unknown[]).includes(model['project'])) &&
          pattern.test(String(model['name'])) &&
          (tags === undefined || (tags as unknown[]).every((tag) => (model['tags'] as unknown[]).includes(tag))),
      );
      return { models: found.slice(Number(page) * Number(size), (Number(page) + 1) * Number(size)).map((model) => picked(model, fields)) };
    },
    // The same again makes another one.
    'models.create': (body) => {
      const name = String(body['name']).trim();
      if (name.length < 3) throw new Refused(400, 800, 'Data validation error: name=String value is too short');
      if (body['project'] !== undefined && !store.projects.has(String(body['project'])))
        throw new Refused(400, 16, `Invalid value for fields (expecting Project id): id=${String(body['project'])}, field=project`);
      const id = newId();
      store.models.push({ tags: [], ...body, name, id });
      return { id, created: true };
    },
    'models.update': ({ model, ...fields }) => {
      const found = store.models.find(({ id }) => id === model);
      if (found === undefined) throw new Refused(400, 201, `Invalid model id: id=${String(model)}`);
      Object.assign(found, fields);
      return { fields, updated: 1 };
    },
  };
}

function patternOf(name: unknown): RegExp {
  try {
    return new RegExp(typeof name === 'string' ? name : '');
  } catch {
    throw new Refused(400, 21, `Malformed regular expression: ${String(name)}`);
  }
}

/** Parts without blanks, empty ones dropped; each has three characters at least, before 2.2 the whole name. */
function plainName(name: string, takesShortParts: boolean): string {
  const parts = name
    .split('/')
    .filter((part) => part !== '')
    .map((part) => part.trim());
  const plain = parts.join('/');
  if (plain === '') throw new Refused(400, 407, `Invalid project name: name=${name}`);
  if (takesShortParts && plain.length < 3) throw new Refused(400, 800, 'Data validation error: name=String value is too short');
  if (!takesShortParts && parts.some((part) => [...part].length < 3))
    throw new Refused(400, 12, 'Validation error (Project name cannot be blank)');
  return plain;
}

/** Only what was asked for, the id too. */
function picked(document: Fields, fields: unknown): Fields {
  if (!Array.isArray(fields)) return document;
  return Object.fromEntries(Object.entries(document).filter(([name]) => fields.includes(name)));
}
