import { describe, expect, it } from '@jest/globals';
import { DirectoryCandidates } from '../../../src/discover/directory-candidates.ts';

describe('the directories worth a notification', () => {
  it('are few and the best ones, for any number of directories', () => {
    const places = new DirectoryCandidates(50);
    for (let i = 0; i < 5000; i++) {
      const name = `exp${String(i).padStart(4, '0')}`;
      places.add(name);
      places.add(`${name}/run`);
      places.addRun(`${name}/run`, i);
      places.add(`${name}/run/checkpoints`);
    }
    expect(places.above()).toEqual(Array.from({ length: 50 }, (_, i) => `exp${4999 - i}`));
    expect(places.others()).toEqual([]);
  });

  it('include the parents of a run, no matter how long ago it was seen', () => {
    const places = new DirectoryCandidates(10);
    places.add('late');
    for (let i = 0; i < 500; i++) places.addRun(`r${i}`, 1000 + i);
    places.addRun('late/deep/run', 1);
    expect(places.above()).toEqual(['late', 'late/deep']);
    expect(places.others()).toHaveLength(8);
  });

  it('do not include forgotten directories', () => {
    const places = new DirectoryCandidates(10);
    places.addRun('a/b', 1);
    places.clear();
    expect([places.above(), places.others()]).toEqual([[], []]);
  });

  it('do not include the root, which may contain its runs', () => {
    const places = new DirectoryCandidates(10);
    places.add('');
    places.addRun('.', 1);
    expect([places.above(), places.others()]).toEqual([[], []]);
  });
});
