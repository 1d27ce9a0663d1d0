import { describe, expect, test } from '@jest/globals';
import { interpret, type Json, jsonText } from '../../../src/model/index.ts';
import { concat, field } from '../../support/event-writer.ts';

function hparams(content: Uint8Array): Json {
  const found = interpret('hparams', { form: 'content', payload: content });
  return found.kind === 'hparams' ? found.data : found.kind;
}

/** google.protobuf.Value. */
const number = (x: number): Uint8Array => field(2, 1, x);
const string = (x: string): Uint8Array => field(3, 2, x);
const entry = (key: string, content: Uint8Array): Uint8Array => field(1, 2, concat(field(1, 2, key), field(2, 2, content)));

describe('hparams', () => {
  test('return the values at the start of a session, of every kind', () => {
    const list = field(6, 2, concat(field(1, 2, number(1)), field(1, 2, string('two')), field(1, 2, field(1, 0, 0))));
    const struct = field(5, 2, concat(entry('__proto__', number(1)), entry('b', field(4, 0, false))));
    const start = concat(
      entry('lr', number(0.1)),
      entry('zero', number(0)),
      entry('minus', number(-0)),
      entry('nan', number(Number.NaN)),
      entry('opt', string('adam')),
      entry('empty', string('')),
      entry('on', field(4, 0, true)),
      entry('off', field(4, 0, false)),
      entry('null', field(1, 0, 0)),
      entry('unset', new Uint8Array(0)),
      entry('list', list),
      entry('struct', struct),
      field(2, 2, 'model'),
      field(3, 2, 'http://m'),
      field(4, 2, 'group'),
      field(5, 1, 1.5),
    );
    const found = hparams(concat(field(1, 0, 3), field(3, 2, start)));
    expect(jsonText(found)).toBe(
      '{"version":3,"session_start_info":{"hparams":{"lr":0.1,"zero":0,"minus":-0.0,"nan":"NaN","opt":"adam","empty":"","on":true,"off":false,"null":null,' +
        '"unset":null,"list":[1,"two",null],"struct":{"__proto__":1,"b":false}},"model_uri":"model","monitor_url":"http://m","group_name":"group","start_time_secs":1.5}}',
    );
  });

  test('keep a hyperparameter named __proto__', () => {
    const found = hparams(field(3, 2, concat(entry('__proto__', number(7)), entry('lr', number(1)))));
    expect(jsonText(found)).toBe('{"session_start_info":{"hparams":{"__proto__":7,"lr":1}}}');
    expect(({} as { lr?: number }).lr).toBeUndefined();
  });

  test('return the last of two values of a name', () => {
    expect(hparams(field(3, 2, concat(entry('a', number(1)), entry('a', number(2)))))).toEqual({
      session_start_info: { hparams: { a: 2 } },
    });
  });

  test.each([
    [1, 'STATUS_SUCCESS'],
    [2, 'STATUS_FAILURE'],
    [3, 'STATUS_RUNNING'],
    [9, 9],
  ])('name the status %d at the end %p', (status, name) => {
    expect(hparams(field(4, 2, concat(field(1, 0, status), field(2, 1, 9.5))))).toEqual({
      session_end_info: { status: name, end_time_secs: 9.5 },
    });
  });

  test('return an experiment', () => {
    const discrete = field(5, 2, concat(field(1, 2, number(1)), field(1, 2, string('x'))));
    const interval = field(6, 2, concat(field(1, 1, -1), field(2, 1, 1)));
    const infos = concat(
      field(4, 2, concat(field(1, 2, 'lr'), field(2, 2, 'rate'), field(3, 2, 'd'), field(4, 0, 3), interval)),
      field(4, 2, concat(field(1, 2, 'opt'), field(4, 0, 1), discrete)),
    );
    const metric = field(5, 2, concat(field(1, 2, concat(field(1, 2, 'g'), field(2, 2, 'loss'))), field(3, 2, 'Loss'), field(5, 0, 2)));
    expect(
      hparams(field(2, 2, concat(field(1, 2, 'desc'), field(2, 2, 'me'), field(3, 1, 5), infos, metric, field(6, 2, 'name')))),
    ).toEqual({
      experiment: {
        description: 'desc',
        user: 'me',
        time_created_secs: 5,
        hparam_infos: [
          {
            name: 'lr',
            display_name: 'rate',
            description: 'd',
            type: 'DATA_TYPE_FLOAT64',
            domain_interval: { min_value: -1, max_value: 1 },
          },
          { name: 'opt', type: 'DATA_TYPE_STRING', domain_discrete: [1, 'x'] },
        ],
        metric_infos: [{ name: { group: 'g', tag: 'loss' }, display_name: 'Loss', dataset_type: 'DATASET_VALIDATION' }],
        name: 'name',
      },
    });
  });

  test('are malformed if they are incomplete', () => {
    expect(interpret('hparams', { form: 'content', payload: Uint8Array.of(0x1a, 0x7f) })).toMatchObject({
      kind: 'malformed',
      tensor: { dtype: 'invalid' },
    });
    expect(interpret('hparams', { form: 'none', payload: new Uint8Array(0) }).kind).toBe('tensor');
  });
});
