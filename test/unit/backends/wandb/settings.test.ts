import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type WandbSettings, wandb } from '../../../../src/backends/wandb/index.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

let home: string;
beforeEach(() => {
  home = temporaryFolder();
});
function parse(section: Record<string, unknown>, env: Record<string, string> = {}) {
  return wandb.parse(section, { HOME: home, ...env });
}

function settings(section: Record<string, unknown>, env: Record<string, string> = {}): WandbSettings {
  const parsed = parse(section, env);
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems));
  return parsed.settings;
}

describe('settings of a W&B lane', () => {
  it('come from the variables of the official client', () => {
    const env = {
      WANDB_API_KEY: 'k',
      WANDB_BASE_URL: 'https://wandb.example/',
      WANDB_ENTITY: 'team',
      WANDB_PROJECT: 'p',
      WANDB_MODE: 'offline',
      WANDB_DIR: '/runs',
      WANDB_SILENT: 'true',
      WANDB_LOG_INTERVAL_SECONDS: '7.5',
    };
    expect(settings({ entity: 'other', mode: 'online' }, env)).toMatchObject({
      apiKey: 'k',
      baseUrl: 'https://wandb.example',
      entity: 'team',
      project: 'p',
      mode: 'offline',
      dir: '/runs',
      silent: true,
      gatherMs: 7500,
    });
  });

  it('read a key from a file, or from the official login', () => {
    writeFileSync(join(home, 'key'), 'from-a-file\n');
    expect(settings({ api_key_file: join(home, 'key') }).apiKey).toBe('from-a-file');
    const netrc = 'machine other\n  login user\n  password wrong\nmachine wandb.example\n  login user\n  password from-netrc\n';
    writeFileSync(join(home, '.netrc'), netrc);
    expect(settings({ base_url: 'https://wandb.example' }).apiKey).toBe('from-netrc');
    const parsed = parse({ base_url: 'https://wandb.example' });
    expect(JSON.stringify(parsed.kind === 'settings' && parsed.shown)).not.toContain('from-netrc');
    expect(parse({ base_url: 'https://nobody.example' })).toMatchObject({ kind: 'problems', problems: [{ path: ['api_key'] }] });
  });

  it('lead to the same target online and offline, with any key', () => {
    const targets = [settings({ api_key: 'a', project: 'p' }), settings({ mode: 'offline', project: 'p', dir: 'x' })].map(wandb.target);
    expect(targets[0]).toBe(targets[1]);
    expect(wandb.target(settings({ api_key: 'a', project: 'q' }))).not.toBe(targets[0]);
  });

  it.each([
    [{ mode: 'sometimes' }, ['mode'], '"sometimes"'],
    [{ mode: 'offline', offset_semantics: 'both' }, ['offset_semantics'], '"both"'],
    [{ mode: 'offline', base_url: 'wandb.ai' }, ['base_url'], '"wandb.ai"'],
    [{ mode: 'offline', projekt: 'x' }, ['projekt'], 'the key "projekt"'],
    [{ mode: 'offline', api_key: ['s3cret'] }, ['api_key'], 'something else'],
  ])('report the error in %j', (section, path, found) => {
    expect(parse(section)).toMatchObject({ kind: 'problems', problems: [{ path, found }] });
  });
});
