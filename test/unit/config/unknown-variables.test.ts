import { describe, expect, it } from '@jest/globals';
import { loadConfig, unknownVariables } from '../../../src/config/index.ts';

async function unknown(text: string, env: Record<string, string>): Promise<readonly string[]> {
  return (await loadConfig({ flags: {}, env, cwd: '/', readFile: () => text })).unknownVariables;
}

describe('variables with names like ours', () => {
  it.each([
    ['MIRRORBOARD_DRYRUN', 'MIRRORBOARD_DRY_RUN'],
    ['MIRRORBOARD_STROE', 'MIRRORBOARD_STORE'],
    ['MIRRORBOARD_PROFIL', 'MIRRORBOARD_PROFILE'],
    ['MIRRORBOARD_LOCAL_PATH', 'MIRRORBOARD_STORE'],
    ['MIRRORBOARD_MFLOW_TRACKING_URI', 'MIRRORBOARD_MLFLOW_TRACKING_URI'],
    ['MIRRORBOARD_ARCHVE_TOKEN', 'MIRRORBOARD_ARCHIVE_TOKEN'],
    ['mirrorboard_store', 'MIRRORBOARD_STORE'],
    ['MIRRORBOARD_LANE_S', 'MIRRORBOARD_LANES'],
  ])('are reported if they have no effect, with a suggestion: %s', async (variable, meant) => {
    const text = 'backend: local\nlanes: { local: {}, archive: { type: mlflow } }';
    expect(await unknown(text, { [variable]: 'x' })).toEqual([
      `${variable}: no flag, setting or lane uses this variable, so it has no effect; did you mean ${meant}?`,
    ]);
  });

  it('are reported without a suggestion if no name is similar', async () => {
    expect(await unknown('', { MIRRORBOARD_FLUX_CAPACITOR: '1' })).toEqual([expect.stringMatching(/so it has no effect$/)]);
  });

  it('are known if they belong to flags, to any lane, to the file, or to services of a cluster; empty ones are ignored', async () => {
    const text = `lanes: { local: {} }\nproject: "\${MIRRORBOARD_TEAM}"\nprofiles: { p: { lanes: [my-lane], my-lane: { type: mlflow } } }`;
    const names = [
      'DRY_RUN',
      'LANES',
      'BACKEND',
      'TEAM',
      'MY_LANE_TOKEN',
      'WANDB_PROJECT',
      'PORT',
      'SERVICE_HOST',
      'PORT_8080_TCP_ADDR',
      'SELF',
    ];
    const env = Object.fromEntries(names.map((name) => [`MIRRORBOARD_${name}`, 'local']));
    expect(await unknown(text, { ...env, MIRRORBOARD_NONSENSE: '', TRACELET_NONSENSE: 'x', MIRRORBOARD: 'x' })).toEqual([]);
  });

  it('are reported only if they are similar to one of ours, if the lanes are not known', () => {
    const env = { MIRRORBOARD_ARCHIVE_TOKEN: 'x', MIRRORBOARD_INCLDE: 'x' };
    expect(unknownVariables(env, undefined)).toEqual([expect.stringContaining('did you mean MIRRORBOARD_INCLUDE?')]);
  });
});
