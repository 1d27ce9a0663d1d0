import { describe, expect, test } from '@jest/globals';
import { cursorAt, wordsOf } from '../../../src/cli/complete-word.ts';
import { makeProgram } from '../../../src/cli/program.ts';

const program = makeProgram({ stdout: process.stdout, stderr: process.stderr, env: {}, exitCode: 0 });

/** What is wanted at the end of a line: a kind, or the words. */
function wantedAt(line: string): string | string[] {
  const { wanted, prefix } = cursorAt(wordsOf(line), program);
  return wanted.kind === 'words' ? wanted.words.map(({ word }) => word).filter((word) => word.startsWith(prefix)) : wanted.kind;
}

describe('placeOf', () => {
  test.each([
    ['st', ['status', 'state']],
    ['he', ['help']],
    ['state ', ['show', 'check', 'export', 'split', 'merge']],
    ['help con', ['config']],
    ['help config ', ['check', 'show']],
    ['backfill --dry', ['--dry-run']],
    ['backfill --to ', 'lanes'],
    ['backfill --to=ml', 'lanes'],
    ['--config a.yaml backfill --to ', 'lanes'],
    ['verify --between local ', 'lanes'],
    ['lane pause ', 'lanes'],
    ['lane resume mlflow --root ', 'roots'],
    ['verify --between local --js', ['--json']],
    ['migrate --from a --accept-losses ', 'kinds'],
    ['config show --profile ', 'profiles'],
    ['status --color a', ['auto', 'always']],
    ['status --store ', 'files'],
    ['backfill -q ', 'folders'],
    ['backfill a b ', 'folders'],
    ['--remove-from ', 'lanes'],
    ['--remove-', ['--remove-from']],
    ['run forget --remove-from ', 'lanes'],
    ['run list --in-state ', 'runStates'],
    ['route exp --kind ', 'kinds'],
    ['export --kind ', 'exportKinds'],
    ['state export --kind ', 'nothing'],
    ['route ', 'runs'],
    ['route exp/train ', 'tags'],
    ['route exp/train loss ', 'nothing'],
    ['inspect ', 'files'],
    ['explain ', 'codes'],
    ['completion z', ['zsh']],
    ['backfill --patience ', 'nothing'],
    ['backfill -- --to', 'folders'],
  ])('of %j is %j', (line, expected) => {
    expect(wantedAt(line)).toEqual(expected);
  });

  test('keeps flags and other words for the lookup of names', () => {
    const { flags, operands, prefix, before } = cursorAt(wordsOf('--config a.yaml route --store=b.db exp --kind=sc'), program);
    expect([[...flags], operands, prefix, before]).toEqual([
      [
        ['config', 'a.yaml'],
        ['store', 'b.db'],
      ],
      ['exp'],
      'sc',
      '--kind=',
    ]);
  });
});

describe('placeOf in a list', () => {
  test.each([
    ['migrate --accept-losses images,te', 'kinds', 'te', 'images,'],
    ['migrate --accept-losses=images,te', 'kinds', 'te', '--accept-losses=images,'],
    ['migrate --accept-losses images,', 'kinds', '', 'images,'],
    ['backfill --to a,b', 'lanes', 'a,b', ''],
  ])('of %j is at its last item', (line, kind, prefix, before) => {
    expect(cursorAt(wordsOf(line), program)).toMatchObject({ wanted: { kind }, prefix, before });
  });
});

describe('wordsOf', () => {
  test.each([
    ['a  b', ['a', 'b']],
    ['a ', ['a', '']],
    ["a 'b c' d\\ e", ['a', 'b c', 'd e']],
    ['a "b', ['a', 'b']],
    ['', ['']],
  ])('splits the words of %j as a shell does', (line, words) => {
    expect(wordsOf(line)).toEqual(words);
  });
});
