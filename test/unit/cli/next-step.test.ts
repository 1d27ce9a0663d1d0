import { describe, expect, it } from '@jest/globals';
import { commonWords, nextStep, type Situation, typedWords } from '../../../src/cli/next-step.ts';

const BACKFILL: Situation = { typed: ['backfill', 'runs', '--to', 'mlflow'], common: ['--config', 'c.yaml'], roots: ['runs'] };
const STATUS: Situation = { typed: ['status'], common: [], roots: ['/mnt/runs'], confirmed: 'how it stands' };
const VERIFY: Situation = { typed: ['verify'], common: [], roots: ['runs'], confirmed: 'that it is the same' };
const lane = (health: 'well' | 'blocked' | 'runsStopped') => [{ name: 'mlflow', health }] as const;

describe('the next step', () => {
  it.each<[state: string, situation: Situation, command: string]>([
    ['an interrupted pass: the same again', { ...BACKFILL, isInterrupted: true, hasPending: true }, 'backfill runs --to mlflow'],
    ['a lane that waits or is parked: doctor', { ...BACKFILL, lanes: lane('blocked'), hasPending: true }, 'doctor runs --config c.yaml'],
    [
      'a partial pass whose lanes are well: the same again',
      { ...BACKFILL, lanes: lane('well'), hasPending: true },
      'backfill runs --to mlflow',
    ],
    ['runs that are stopped', { ...BACKFILL, lanes: lane('runsStopped') }, 'backfill runs --to mlflow --rebuild --config c.yaml'],
    ['damage: inspect the file', { ...BACKFILL, damaged: ['runs/a/events.1'] }, 'inspect runs/a/events.1 --config c.yaml'],
    ['damage, and something that is shut: doctor', { ...BACKFILL, damaged: ['x'], isShut: true }, 'doctor runs --config c.yaml'],
    ['no event files: inspect says why', { ...BACKFILL, emptyRoot: 'runs' }, 'inspect runs --config c.yaml'],
    ['no event files in a configured root', { ...BACKFILL, roots: [], emptyRoot: '/data/runs' }, 'inspect /data/runs --config c.yaml'],
    ['a pass into trackers that is whole: verify', { ...BACKFILL, lanes: lane('well') }, 'verify --config c.yaml'],
    ['a pass into the store that is whole: look', { ...BACKFILL, isLocalOnly: true }, 'export --format csv --config c.yaml | head'],

    ['nothing was ever mirrored', { ...STATUS, isNew: true, roots: [] }, 'backfill LOGDIR'],
    ['all well: verify', STATUS, 'verify'],
    ['all well, and a watch runs: verify', { ...STATUS, isDriven: true, lanes: lane('well') }, 'verify'],
    ['behind, and nobody mirrors: bring it', { ...STATUS, hasPending: true }, 'backfill /mnt/runs'],
    ['behind, and a watch is at it: look on', { ...STATUS, hasPending: true, isDriven: true }, 'status --watch'],
    ['behind since a lane stands: doctor', { ...STATUS, hasPending: true, isDriven: true, lanes: lane('blocked') }, 'doctor /mnt/runs'],
    [
      'behind since runs are stopped, while a watch runs',
      { ...STATUS, hasPending: true, isDriven: true, lanes: lane('runsStopped') },
      'status --watch',
    ],
    ['a root that is not there: where it is now', { ...STATUS, missing: ['runs'], hasPending: true }, 'backfill runs=NEW_PATH'],
    ['a root that cannot be read: doctor', { ...STATUS, isShut: true, hasPending: true }, 'doctor /mnt/runs'],
    ['damage', { ...STATUS, damaged: ["/mnt/runs/it's/e.1"] }, "inspect '/mnt/runs/it'\\''s/e.1'"],

    ['the same: go on watching', VERIFY, 'watch runs'],
    ['the same, while a watch runs', { ...VERIFY, isDriven: true }, 'status'],
    ['the same, in the store alone: look', { ...VERIFY, isLocalOnly: true }, 'export --format csv | head'],
    ['differences: mend them', { ...VERIFY, compared: 'differs', lane: 'mlflow' }, 'verify --repair runs --lane mlflow'],
    ['a repair that was noted: bring it', { ...VERIFY, compared: 'repairNoted', lane: 'mlflow' }, 'backfill runs --to mlflow'],
    ['a repair that was noted, while a watch runs', { ...VERIFY, compared: 'repairNoted', isDriven: true }, 'verify'],
    ['a repair that is not all', { ...VERIFY, compared: 'repairLeft' }, 'verify'],
    ['a lane that can not be reached: doctor', { ...VERIFY, compared: 'unreachable' }, 'doctor runs'],
    ['the same, but a watch brings something: once more', { ...VERIFY, hasPending: true, isDriven: true }, 'verify'],
    ['the same, but something is pending', { ...VERIFY, hasPending: true, lane: 'mlflow' }, 'backfill runs --to mlflow'],
    [
      'a migration that only loses something: say that this is fine',
      {
        ...BACKFILL,
        typed: ['migrate', '--from', 'local', '--accept-losses', 'images'],
        hasPending: true,
        compared: 'same',
        lane: 'mlflow',
      },
      'migrate --from local --accept-losses images',
    ],
  ])('of %s', (_, situation, command) => {
    expect(nextStep(situation, 'mirrorboard')).toBe(`mirrorboard ${command}`);
  });
});

describe('a suggested command', () => {
  it('has all flags of the command except those that change the display', () => {
    const flags = { json: true, quiet: 1, config: 'c.yaml', to: ['a', 'b'], patience: '5', include: [], dryRun: true };
    expect(typedWords('backfill', ['runs'], flags).join(' ')).toBe('backfill runs --config c.yaml --to a --to b --patience 5 --dry-run');
    expect(commonWords({ config: 'c.yaml', state: 's', json: true })).toEqual(['--config', 'c.yaml', '--state', 's']);
  });
});
