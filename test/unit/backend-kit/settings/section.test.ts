import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  ADDRESS,
  count,
  LIST,
  oneOf,
  PATH,
  SECONDS,
  Section,
  type SettingFields,
  SWITCH,
  TEXT,
} from '../../../../src/backend-kit/settings/index.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const FIELDS = {
  server: { kind: ADDRESS, aliases: ['url'], env: ['T_SERVER', 'T_OLD_SERVER'] },
  key: { kind: TEXT, env: ['T_KEY'], isSecret: true },
  key_file: { kind: PATH },
  mode: { kind: oneOf(['on', 'off', 'half'], { maybe: 'half' }), env: ['T_MODE'], fallback: 'on' },
  patience: { kind: SECONDS, env: ['T_PATIENCE'], fallback: 2 },
  runs: { kind: count(1, 64), env: ['T_RUNS'], fallback: 16 },
  tags: { kind: LIST, env: ['T_TAGS'], fallback: [] },
  loud: { kind: SWITCH, env: ['T_LOUD'], fallback: false },
} satisfies SettingFields;

function read(section: Record<string, unknown>, env: Record<string, string> = {}) {
  return new Section(FIELDS, section, env);
}

function foundIn(section: Record<string, unknown>, env: Record<string, string> = {}): (string | undefined)[][] {
  return read(section, env).problems.map(({ path, found, expected, hint }) => [path.join('.'), found, expected, hint]);
}

describe('a section of the configuration', () => {
  it('prefers a variable to the section, the section to the layers below it, and those to the default', () => {
    const source = (section: Record<string, unknown>, env: Record<string, string>) => {
      const made = new Section(FIELDS, section, env, (key) => (key === 'patience' ? { raw: '7', source: 'a.conf' } : undefined));
      const result = made.result('');
      const shown = result.kind === 'settings' ? result.shown.find(({ key }) => key === 'patience') : undefined;
      return [made.get('patience'), shown?.source];
    };
    expect(source({ patience: 3 }, { T_PATIENCE: '4' })).toEqual([4, 'T_PATIENCE']);
    expect(source({ patience: 3 }, { T_PATIENCE: '' })).toEqual([3, 'file']);
    expect(source({ patience: null }, {})).toEqual([7, 'a.conf']);
    expect(read({}).get('patience')).toBe(2);
    expect(read({}, { T_OLD_SERVER: 'http://b', T_SERVER: 'http://a' }).get('server')).toBe('http://a');
    expect(read({}).get('server')).toBeUndefined();
  });

  it('reads every kind from the file and from a variable', () => {
    const env = { T_TAGS: 'a, b,,', T_LOUD: 'Yes', T_RUNS: '3', T_MODE: 'maybe', T_SERVER: 'https://h/p//' };
    const section = read({}, env);
    expect(section.problems).toEqual([]);
    expect([section.get('tags'), section.get('loud'), section.get('runs')]).toEqual([['a', 'b'], true, 3]);
    expect([section.get('mode'), section.get('server')]).toEqual(['half', 'https://h/p']);
    expect(read({ key: 123, tags: ['x', 1] }).get('key')).toBe('123');
    expect(read({ tags: ['x', 1] }).get('tags')).toEqual(['x', '1']);
  });

  it.each([
    [{ loud: 'yes' }, {}, ['loud', '"yes"', 'true or false', undefined]],
    [{ mode: 'constructor' }, {}, ['mode', '"constructor"', 'on, off or half', undefined]],
    [{ runs: 65 }, {}, ['runs', '65', 'a whole number from 1 to 64', undefined]],
    [{ runs: 1.5 }, {}, ['runs', '1.5', 'a whole number from 1 to 64', undefined]],
    [{ patience: 0 }, {}, ['patience', '0', 'seconds, a number above 0', undefined]],
    [{ url: 'ftp://h' }, {}, ['url', '"ftp://h"', ADDRESS.expected, undefined]],
    [{ tags: { a: 1 } }, {}, ['tags', 'a mapping', 'a list of texts', undefined]],
    [{ key: ['hush'] }, {}, ['key', 'something else', 'a text', undefined]],
    [{}, { T_PATIENCE: 'long' }, ['patience', '"long" in T_PATIENCE', 'seconds, a number above 0', undefined]],
    [{ server: 'http://a', url: 'http://b' }, {}, ['url', 'server and url', 'one of them: they mean the same', undefined]],
    [{ paitence: 2 }, {}, ['paitence', 'the key "paitence"', `one of ${Object.keys(FIELDS).join(', ')}`, 'Did you mean patience?']],
  ])('reports the error in %j %j', (section, env, problem) => {
    expect(foundIn(section, env)).toEqual([problem]);
  });

  it('reads a secret from a file if it is not set, and shows neither', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'key'), ' hush \n');
    writeFileSync(join(folder, 'empty'), '\n');
    const section = read({ key_file: join(folder, 'key'), server: 'http://me:hush@h' });
    expect(section.secret('key', 'key_file')).toBe('hush');
    expect(read({ key: 'said', key_file: join(folder, 'key') }).secret('key', 'key_file')).toBe('said');
    const shown = [section.result(''), read({}, { T_KEY: 'hush' }).result('')];
    expect(JSON.stringify(shown)).not.toContain('hush');
    expect(JSON.stringify(shown)).toContain('[redacted]');
    for (const file of ['empty', 'none']) {
      const other = read({ key_file: join(folder, file) });
      expect(other.secret('key', 'key_file')).toBeUndefined();
      expect(other.problems[0]?.path).toEqual(['key_file']);
      expect(other.result('').kind).toBe('problems');
    }
  });
});
