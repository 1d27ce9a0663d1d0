import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { LOG_FORMATS, LOG_LEVELS, SECRET_NAMES } from '../../../src/config/index.js';
import { MirrorError } from '../../../src/errors.js';
import { createLogger, type Logger, type LoggerOptions } from '../../../src/status/logger.js';

/** A logger and what it wrote. */
async function logged(options: LoggerOptions, write: (log: Logger) => void, isTTY = false): Promise<string> {
  let text = '';
  write(await createLogger({ ...options, stream: { isTTY, write: (line) => (text += line) } }));
  return text;
}

const SECRET = 'hunter2';

describe('createLogger', () => {
  it('writes one object per line', async () => {
    const text = await logged({ level: 'info', format: 'json' }, (log) => log.child({ root: 'a' }).info({ offset: 5 }, 'file opened'));
    expect(text.endsWith('}\n')).toBe(true);
    expect(JSON.parse(text)).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      root: 'a',
      offset: 5,
      msg: 'file opened',
    });
  });

  it('warns by default, and knows the levels and formats of the configuration', async () => {
    const all = (log: Logger): void => {
      for (const level of ['error', 'warn', 'info', 'debug'] as const) log[level]('x');
    };
    expect((await logged({}, all)).trim().split('\n').length).toBe(2);
    const counts = [];
    for (const level of LOG_LEVELS) counts.push((await logged({ level }, all)).split('\n').length - 1);
    expect(counts).toEqual([0, 1, 2, 3, 4]);
    for (const format of LOG_FORMATS) expect(await logged({ format }, all)).not.toBe('');
  });

  it('writes for people on a terminal, and for machines elsewhere, by default', async () => {
    const write = (log: Logger): void => log.warn('x');
    const starts = [await logged({}, write, true), await logged({}, write), await logged({ format: 'json' }, write, true)].map(
      (text) => text[0] === '{',
    );
    expect(starts).toEqual([false, true, true]);
  });

  it.each(LOG_FORMATS)('hides secrets at every depth, in fields of children and errors too (%s)', async (format) => {
    for (const name of [...SECRET_NAMES, 'authorization', 'set-cookie', 'x-api-key']) {
      const held = { [name]: SECRET };
      const text = await logged({ format }, (log) => {
        log.warn(held, 'x');
        log.warn({ a: held, b: { c: held, d: { e: { f: held } } }, list: [held] }, 'x');
        log.child({ ...held, a: held }).warn('x');
        log.warn({ err: new MirrorError('MB3005', 'm', { context: held }) }, 'x');
        log.warn({ err: Object.assign(new Error('m'), held) }, 'x');
      });
      expect([name, text.includes(SECRET)]).toEqual([name, false]);
    }
  });

  it('hides user and password in addresses', async () => {
    const text = await logged({}, (log) =>
      log.warn({ url: `https://me:${SECRET}@host/x`, err: new Error(`GET http://${SECRET}@host`) }, 'x'),
    );
    expect(text).not.toContain(SECRET);
    expect(text).toContain('https://[redacted]@host/x');
  });

  it('limits every field, with any text of others', async () => {
    const huge = 'ab'.repeat(1_000_000);
    const deep = JSON.parse('['.repeat(1000) + ']'.repeat(1000));
    const text = await logged({ format: 'json' }, (log) => {
      const error = new MirrorError('MB4005', huge, { hint: huge, context: { tag: huge }, cause: new Error(huge) });
      log.warn({ tag: huge, [huge]: 1, list: Array.from({ length: 10_000 }, () => huge), deep, inner: { value: huge }, err: error }, huge);
    });
    expect(text.length).toBeLessThan(100 * 2000 + 30_000);
    expect(JSON.parse(text).tag).toMatch(/^(ab)+a?…$/);
  });

  it('hides a password in an address that is cut', async () => {
    for (let length = 1980; length < 2010; length++) {
      const text = await logged({ format: 'json' }, (log) =>
        log.warn({ url: `${'x'.repeat(length)}http://user:${SECRET}@host/${'y'.repeat(3000)}` }, 'x'),
      );
      expect(text).not.toContain(SECRET.slice(0, 4));
    }
  });

  it('distinguishes a foreseen error from a bug by its stack', async () => {
    const foreseen = new MirrorError('MB3005', 'writing a', { hint: 'Make room.', cause: new Error('full'), context: { path: 'a b' } });
    const texts = [];
    for (const err of [foreseen, new MirrorError('MB9001', 'oh'), new TypeError('oops')])
      texts.push(await logged({}, (log) => log.error({ err }, 'failed')));
    expect(JSON.parse(texts[0] ?? '').err).toEqual({
      type: 'MirrorError',
      code: 'MB3005',
      message: 'writing a',
      hint: 'Make room.',
      retry: 'never',
      cause: 'full',
      context: { path: 'a b' },
    });
    expect(texts.map((text) => text.includes('"stack"'))).toEqual([false, true, true]);
    const pretty = await logged({ format: 'pretty' }, (log) => log.error({ err: foreseen, lane: 'local' }, 'lane stalled'));
    expect(pretty.slice(13)).toBe('error lane stalled lane=local err="writing a" code=MB3005 path="a b" cause=full hint="Make room."\n');
  });
});

describe('pretty lines', () => {
  it('have time, level, message and fields', async () => {
    const text = await logged({ format: 'pretty', level: 'info' }, (log) =>
      log.info({ root: 'a', n: 1, ok: true, o: { x: [1] }, e: '', q: 'a=b' }, 'run opened'),
    );
    expect(text).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}run opened root=a n=1 ok=true o={"x":\[1\]} e="" q="a=b"\n$/);
  });

  it('cannot control the terminal', async () => {
    const hostile = 'a\u001b[2J\u009b\u202eb\r\n\u2028c';
    const text = await logged({ format: 'pretty' }, (log) =>
      log.warn({ path: hostile, [hostile]: 1, err: Object.assign(new Error(hostile), { stack: hostile }) }, hostile),
    );
    expect(text.replace(/\n/g, '')).not.toMatch(/[\p{Cc}\p{Cf}\u2028]/u);
  });

  it('show the stack of a bug on separate lines', async () => {
    const text = await logged({ format: 'pretty' }, (log) => log.error({ err: new Error('oops') }, 'x'));
    expect(text.split('\n')[0]).toMatch(/x err=oops$/);
    expect(text.split('\n')[1]).toMatch(/^ {4}at /);
  });
});

it('writes to standard error only', () => {
  const script = `const { createLogger } = await import(process.argv[1]); (await createLogger()).warn('here');`;
  const module = new URL('../../../src/status/logger.js', import.meta.url).href;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script, module], { encoding: 'utf8' });
  expect(stdout).toBe('');
  expect(JSON.parse(stderr).msg).toBe('here');
});
