import { describe, expect, it } from '@jest/globals';
import { HoconError, readHocon } from '../../../../src/backends/clearml/hocon.ts';

describe('a file in HOCON', () => {
  it('reads the output of clearml-init', () => {
    const text = `
# ClearML SDK configuration file
api {
    # Notice: 'host' is the api server (default port 8008), not the web server.
    api_server: http://localhost:8008
    web_server: http://localhost:8080   // the page
    files_server: "http://localhost:8081"
    credentials {"access_key": "KEY0", "secret_key" = "s3cr#t//x"}
    verify_certificate: true
    http.max_req_size = 15728640
}
sdk {
    storage { cache { default_base_dir: "~/.clearml/cache" } }
    aws { s3 { region: "", credentials: [ { bucket: "b", key = k }, ] } }
    development.default_output_uri: s3://bucket/a prefix
}`;
    expect(readHocon(text, {})).toEqual({
      api: {
        api_server: 'http://localhost:8008',
        web_server: 'http://localhost:8080',
        files_server: 'http://localhost:8081',
        credentials: { access_key: 'KEY0', secret_key: 's3cr#t//x' },
        verify_certificate: true,
        http: { max_req_size: 15728640 },
      },
      sdk: {
        storage: { cache: { default_base_dir: '~/.clearml/cache' } },
        aws: { s3: { region: '', credentials: [{ bucket: 'b', key: 'k' }] } },
        development: { default_output_uri: 's3://bucket/a prefix' },
      },
    });
  });

  it('resolves references: keys of the file, then variables; an unresolved one keeps the earlier value', () => {
    const text = [
      `host = localhost`,
      `api.a = "http://"\${host}":8008"`,
      `api.b = \${SECRET}`,
      `api.c = before`,
      `api.c = \${?NOT_SET}`,
      `api.d = \${?NOT_SET}`,
      `api.e = before`,
      `api.e = \${?SECRET}`,
    ].join('\n');
    expect(readHocon(text, { SECRET: 'xyz' })).toEqual({
      host: 'localhost',
      api: { a: 'http://localhost:8008', b: 'xyz', c: 'before', e: 'xyz' },
    });
  });

  it('merges objects of one key, and keeps later values', () => {
    expect(readHocon('{ a { x: 1, y: 2 }, a.y = 3, a { z: null } }', {})).toEqual({ a: { x: 1, y: 3, z: null } });
  });

  it.each([
    ['include "other.conf"', 1, /include/],
    ['a = 1\nb += 2', 2, /\+=/],
    ['a {\n b = 1', 2, /not closed/],
    ['a = "open', 1, /not closed/],
    ['a', 1, /expected "=", ":" or "{"/],
    [`a = 1\n\nb = \${NOWHERE}`, 3, /NOWHERE/],
    [`a = \${b}\nb = \${a}`, 1, /itself/],
    ['a = ', 1, /missing/],
    ['a = x { b = 1 }', 1, /not understood/],
    ['a = 1 }', 1, /expected a key/],
  ])('refuses ambiguous input: %j', (text, line, message) => {
    let error: unknown;
    try {
      readHocon(text, {});
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(HoconError);
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
    expect(Math.abs((error as HoconError).line - line)).toBeLessThanOrEqual(1);
  });
});
