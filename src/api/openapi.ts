/** Writes the OpenAPI document from the schemas that check requests and answers. */
import { z } from 'zod';
import type { Action } from './action.ts';
import { components, placeOf } from './components.ts';
import { exportQuery } from './export-route.ts';
import { BASE, type Route } from './route.ts';

type Schema = Readonly<Record<string, unknown>>;

/** Returns the OpenAPI 3.1 document of some resources. `version`: that of mirrorboard. */
export function openApiDocument(
  routes: readonly Route[],
  actions: readonly Action[],
  version: string,
): { readonly openapi: string; readonly paths: object; readonly [part: string]: unknown } {
  const posts = actions.map((one) => [`${BASE}${one.path}`, { post: actionOperation(one) }] as const);
  const json = routes.map((one) => [`${BASE}${one.path}`, { get: operation(one) }] as const);
  return {
    openapi: '3.1.1',
    info: {
      title: 'mirrorboard',
      version,
      description:
        'Reads a local store of mirrorboard, and asks its lanes for something. Numbers that JSON cannot hold are texts: ' +
        '"NaN", "Infinity", "-Infinity", and integers beyond 2^53.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{}, { token: [] }],
    paths: {
      ...Object.fromEntries(json),
      ...Object.fromEntries(posts),
      [`${BASE}/media/{sha256}`]: { get: MEDIA },
      [`${BASE}/events`]: { get: EVENTS },
      [`${BASE}/export`]: { get: { ...EXPORT, parameters: parametersOf(exportQuery) } },
    },
    components: { schemas: namedSchemas(), securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  };
}

const PROBLEM = {
  description: 'A failure.',
  content: { 'application/problem+json': { schema: { $ref: placeOf('Problem') } } },
};
const UNCHANGED = { description: 'The answer is still the one with the tag in If-None-Match.' };

const MEDIA = {
  operationId: 'getMedia',
  summary: 'The bytes of an image, a clip or another value.',
  parameters: [{ name: 'sha256', in: 'path', required: true, schema: { type: 'string', pattern: '^[0-9a-f]{64}$' } }],
  responses: {
    200: { description: 'The bytes.', content: { '*/*': {} } },
    206: { description: 'The bytes that the header Range asks for.', content: { '*/*': {} } },
    304: UNCHANGED,
    default: PROBLEM,
  },
};

const EVENTS = {
  operationId: 'listen',
  summary: 'A stream of server-sent events: `changes` as /changes, `lanes` as /lanes, each time it is another one.',
  parameters: [
    {
      name: 'since',
      in: 'query',
      required: false,
      description: 'The version of the store that the client has.',
      schema: { type: 'string' },
    },
    { name: 'Last-Event-ID', in: 'header', required: false, description: 'Stronger than `since`.', schema: { type: 'string' } },
  ],
  responses: { 200: { description: 'The stream.', content: { 'text/event-stream': { schema: { type: 'string' } } } }, default: PROBLEM },
};

const EXPORT = {
  operationId: 'export',
  summary: 'What `mirrorboard export` writes of the selected runs and tags, as a stream. It breaks off if the store is damaged.',
  responses: {
    200: {
      description: 'The export.',
      content: { 'text/csv': {}, 'application/json': {}, 'application/vnd.apache.parquet': {} },
    },
    default: PROBLEM,
  },
};

function parametersOf(query: z.ZodObject): object[] {
  return Object.entries(query.shape).map(([name, schema]) => {
    const { description, ...form } = schemaOf(schema as z.ZodType, 'output');
    const isRequired = !(schema as z.ZodType).safeParse(undefined).success;
    return { name, in: 'query', required: isRequired, ...(description === undefined ? {} : { description }), schema: form };
  });
}

function operation({ id, summary, query, answer }: Route): object {
  const parameters = parametersOf(query);
  return {
    operationId: id,
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    responses: { 200: answerOf(id, answer), 304: UNCHANGED, default: PROBLEM },
  };
}

function actionOperation({ path, id, summary, body, answer }: Action): object {
  const parts = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  return {
    operationId: id,
    summary,
    security: [{ token: [] }],
    parameters: parts,
    requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } },
    responses: { 200: answerOf(id, answer), default: PROBLEM },
  };
}

function answerOf(operationId: string, answer: z.ZodType): object {
  const known = components.get(answer)?.id;
  const name = known ?? `${(operationId[0] ?? '').toUpperCase()}${operationId.slice(1)}Answer`;
  if (known === undefined) components.add(answer, { id: name });
  return { description: 'The answer.', content: { 'application/json': { schema: { $ref: placeOf(name) } } } };
}

/** Answers are open: a later version may add fields. */
function namedSchemas(): Readonly<Record<string, Schema>> {
  const { schemas } = z.toJSONSchema(components, { io: 'input', unrepresentable: 'any', uri: placeOf });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, plain(schema as Schema)]));
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Schema {
  return plain(z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Schema);
}

function plain({ $schema: _, $id: __, ...schema }: Schema): Schema {
  return schema;
}
