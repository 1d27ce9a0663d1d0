// Makes the faults of a plan happen, and ends them again.
import type { Hangs } from './hangs.ts';
import type { Fault } from './plan.ts';
import { shown } from './roots.ts';
import { Seeded } from './seeded.ts';
import type { Service } from './service.ts';
import type { TrackerServer } from './tracker-server.ts';
import type { Node, Tree, Unmounted } from './virtual-files.ts';
import type { World } from './world.ts';
import type { Meddler, Place } from './writers.ts';

interface Surroundings {
  readonly world: World;
  readonly tree: Tree;
  readonly hangs: Hangs;
  readonly servers: readonly TrackerServer[];
  readonly service: Service;
  readonly meddler: Meddler;
}

/** What is done to the files of a history. */
type FileFault = Extract<
  Fault,
  {
    kind:
      | `unreadable${string}`
      | 'hang'
      | 'damage'
      | 'replace'
      | 'empty'
      | 'copyOver'
      | 'remove'
      | 'tear'
      | 'renameRun'
      | 'exchange'
      | 'swapRuns'
      | 'link'
      | 'temporaryName';
  }
>;

/** Causes faults. */
export class Causes {
  readonly #in: Surroundings;
  /** What ends each fault that is under way. */
  readonly #cures = new Set<() => void>();

  constructor(surroundings: Surroundings) {
    this.#in = surroundings;
  }

  /** Plans a fault. Its details do not depend on other faults, so that they stay when others are left out. */
  plan(fault: Fault): void {
    const { world } = this.#in;
    world.at(fault.atMs, () => this.#cause(fault, new Seeded(`${world.seed}/${fault.kind}/${fault.atMs}`)));
  }

  /** Ends every fault, and what was begun with files. */
  heal(): void {
    for (const cure of this.#cures) cure();
    this.#cures.clear();
    this.#in.meddler.finish();
    this.#in.service.spare();
  }

  /** Causes something that ends after a time, or when all faults end. */
  #during(forMs: number, words: string, set: (isOn: boolean) => void): void {
    const { world } = this.#in;
    world.note(words);
    set(true);
    const cure = (): void => {
      if (!this.#cures.delete(cure)) return;
      world.note(`no longer: ${words}`);
      set(false);
    };
    this.#cures.add(cure);
    world.at(world.ageMs + forMs, cure);
  }

  #cause(fault: Fault, random: Seeded): void {
    const { world, service } = this.#in;
    switch (fault.kind) {
      case 'kill':
        service.killAfter(fault);
        return;
      case 'restart':
        world.note('the service is asked to end, and to begin again');
        service.end({ isLast: false });
        return;
      case 'setClock':
        world.note(`the wall clock is set by ${fault.byMs / 1000} s`);
        world.wallAheadMs += fault.byMs;
        return;
      case 'fullDisk': {
        const words = { state: 'the state', store: 'the store', both: 'state and store' }[fault.what];
        this.#during(fault.forMs, `the disk of ${words} is full`, (isFull) => {
          if (fault.what !== 'store') service.full.state = isFull;
          if (fault.what !== 'state') service.full.store = isFull;
        });
        return;
      }
      case 'unmount':
        this.#during(fault.forMs, `the root is not mounted (${fault.how})`, (isOn) => this.#mount(isOn ? fault.how : undefined));
        return;
      case 'mood':
      case 'requests':
      case 'deleteRun':
        this.#annoy(fault, random);
        return;
      default: {
        const place = this.#in.meddler.pick(random);
        if (place !== undefined) this.#meddle(fault, place, random);
      }
    }
  }

  #annoy(fault: Extract<Fault, { readonly lane: string }>, random: Seeded): void {
    const server = this.#in.servers.find(({ name }) => name === fault.lane);
    if (server === undefined) return;
    switch (fault.kind) {
      case 'mood':
        this.#during(fault.forMs, `${server.name} is ${fault.mood}`, (isOn) => {
          server.mood = isOn ? fault.mood : 'well';
        });
        return;
      case 'requests': {
        const words = `requests to ${server.name} fail (${fault.faults.join(', ')}; ${fault.share})`;
        this.#during(fault.forMs, words, (isOn) => {
          server.faultShare = isOn ? fault.share : 0;
          server.faults = fault.faults;
        });
        return;
      }
      case 'deleteRun': {
        const runs = [...server.runs.values()];
        if (runs.length === 0) return;
        const run = random.pick(runs);
        this.#during(fault.forMs, `${run.id} is deleted`, (isDeleted) => {
          run.isDeleted = isDeleted;
        });
        return;
      }
      default:
        fault satisfies never;
    }
  }

  #mount(unmounted: Unmounted | undefined): void {
    const { mount } = this.#in.tree;
    if (mount !== undefined) mount.unmounted = unmounted;
  }

  #trouble(victim: Node, code: string, forMs: number, words: string): void {
    this.#during(forMs, words, (isOn) => {
      victim.trouble = isOn ? code : undefined;
    });
  }

  #meddle(fault: FileFault, place: Place, random: Seeded): void {
    const { tree, meddler } = this.#in;
    const { node, path } = place;
    const name = shown(path);
    switch (fault.kind) {
      case 'unreadableFile':
        this.#trouble(node, fault.code, fault.forMs, `${name} cannot be opened (${fault.code})`);
        return;
      case 'unreadableDirectory': {
        const directory = tree.find(path.slice(0, path.lastIndexOf('/')));
        if (directory !== undefined) this.#trouble(directory, 'EACCES', fault.forMs, `the directory of ${name} cannot be read`);
        return;
      }
      case 'hang': {
        const hung = fault.isWhole ? path.slice(0, path.lastIndexOf('/')) : path;
        // A root that does not answer as a whole is left alone: its thread waits in the call.
        if (hung === place.root) return;
        this.#during(fault.forMs, `calls to ${shown(hung)} do not return`, (isOn) => this.#in.hangs[isOn ? 'begin' : 'end'](hung));
        return;
      }
      case 'unreadableBytes': {
        const start = random.int(0, node.bytes.length);
        this.#during(fault.forMs, `${name} cannot be read from byte ${start}`, (isOn) => {
          node.badRange = isOn ? [start, start + 4096] : undefined;
        });
        return;
      }
      case 'damage':
        meddler.damage(place, fault.forMs);
        return;
      case 'replace':
        meddler.replace(place, fault.isInPlace);
        return;
      case 'empty':
        meddler.empty(place);
        return;
      case 'copyOver':
        meddler.copyOver(place);
        return;
      case 'remove':
        meddler.remove(place);
        return;
      case 'tear':
        meddler.tear(place, fault.goesOn);
        return;
      case 'renameRun':
        meddler.renameRun(place);
        return;
      case 'swapRuns':
        meddler.swapRuns(place, random);
        return;
      case 'exchange':
        meddler.exchange(place, fault.forMs);
        return;
      case 'link':
        meddler.link(place);
        return;
      case 'temporaryName':
        meddler.temporaryName(place);
        return;
      default:
        fault satisfies never;
    }
  }
}
