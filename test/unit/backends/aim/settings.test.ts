import { describe, expect, it } from '@jest/globals';
import { aim } from '../../../../src/backends/aim/index.ts';

function settingsOf(section: Record<string, unknown>, env: Record<string, string> = {}) {
  const parsed = aim.parse(section, env);
  if (parsed.kind !== 'settings') throw new Error(JSON.stringify(parsed.problems));
  return parsed;
}

function problemsOf(section: Record<string, unknown>, env: Record<string, string> = {}) {
  const parsed = aim.parse(section, env);
  if (parsed.kind !== 'problems') throw new Error('no problems');
  return parsed.problems;
}

describe('the settings of an Aim lane', () => {
  it('accept a server in every form that Aim accepts', () => {
    const uri = (server: string): string | undefined => settingsOf({ server }).settings.server;
    expect(uri('aim://host')).toBe('http://host:53800');
    expect(uri('aim://host:80/base/')).toBe('http://host/base');
    expect(uri('https://host/base')).toBe('https://host/base');
    expect(settingsOf({}, { AIM_REPO: 'aim://host:1' }).settings.server).toBe('http://host:1');
    expect(settingsOf({ server: 'aim://file:1' }, { AIM_REPO: 'aim://host:1' }).settings.server).toBe('http://file:1');
  });

  it('accept a folder, also by the .aim in it', () => {
    expect(settingsOf({ repo: '/data/aim/.aim' }).settings.repo).toBe('/data/aim');
    expect(settingsOf({}, { AIM_REPO: '/data/aim' }).settings.repo).toBe('/data/aim');
  });

  it('show no secret', () => {
    const secret = 'very-secret-value';
    const { shown, settings } = settingsOf({ server: `https://me:${secret}@host`, headers: { 'X-Token': secret } });
    expect(settings.headers['x-token']).toBe(secret);
    expect(settings.headers['authorization']).toBe(`Basic ${Buffer.from(`me:${secret}`).toString('base64')}`);
    expect(JSON.stringify(shown)).not.toContain(secret);
    expect(aim.target(settings)).toBe('https://host');
    const problems = problemsOf({ server: `ftp://me:${secret}@host`, headers: { 'bad name': secret } });
    expect(problems).toHaveLength(2);
    expect(JSON.stringify(problems)).not.toContain(secret);
  });

  it('report invalid values', () => {
    expect(problemsOf({})[0]).toMatchObject({ path: ['server'], found: 'nothing' });
    expect(problemsOf({ server: 'aim://a', repo: '/b' })[0]).toMatchObject({ path: ['repo'] });
    expect(problemsOf({ server: 'host:53800' })[0]?.hint).toBe('Write aim://host:53800.');
    expect(problemsOf({ server: 'aim://a', context: 'suffix' })[0]).toMatchObject({
      path: ['context'],
      expected: 'none, prefix or directory',
    });
    expect(problemsOf({ server: 'aim://a', open_runs: 0 })[0]).toMatchObject({ path: ['open_runs'] });
    expect(problemsOf({ sever: 'aim://a', server: 'aim://a' })[0]?.found).toBe('the key "sever"');
  });
});
