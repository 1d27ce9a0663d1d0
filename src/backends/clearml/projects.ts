import { MirrorError } from '../../errors.ts';
import { valueOrThrow } from '../../http/index.ts';
import type { ClearmlClient } from './client.ts';

const LEAST_LENGTH = 3;

/** A project's name as ClearML takes it: no empty part, no blanks at the ends, three characters at least. */
export function projectName(name: string): string {
  const plain = name
    .split('/')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .join('/');
  return longEnough(plain);
}

export function longEnough(name: string): string {
  return name.length >= LEAST_LENGTH ? name : name.padEnd(LEAST_LENGTH, '_');
}

/** Finds or makes projects, each once. */
export class Projects {
  readonly #client: ClearmlClient;
  readonly #known = new Map<string, Promise<string>>();

  constructor(client: ClearmlClient) {
    this.#client = client;
  }

  /** The id of a project of this name, which is made where there is none. */
  async find(name: string, signal: AbortSignal): Promise<string> {
    for (;;) {
      const under = this.#known.get(name);
      const found = under ?? this.#resolve(name, signal);
      this.#known.set(name, found);
      try {
        return await found;
      } catch (error) {
        if (this.#known.get(name) === found) this.#known.delete(name);
        // Whoever began it was interrupted: that is nothing to us.
        if (under === undefined || signal.aborted || error instanceof MirrorError) throw error;
      }
    }
  }

  /** After a task could not be made: the project may be gone. */
  forget(): void {
    this.#known.clear();
  }

  async lookUp(name: string, signal: AbortSignal): Promise<string | undefined> {
    // The name is a regular expression, and not anchored.
    const pattern = `^${name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`;
    const body = { name: pattern, only_fields: ['id', 'name'], search_hidden: true };
    const reply = await this.#client.call(`looking for the project ${name}`, 'projects.get_all', body, signal);
    const projects = valueOrThrow(reply).list('projects');
    return projects.find((project) => project.text('name', '') === name)?.id('id');
  }

  async #resolve(name: string, signal: AbortSignal): Promise<string> {
    const found = await this.lookUp(name, signal);
    if (found !== undefined) return found;
    const made = await this.#client.call(`creating the project ${name}`, 'projects.create', { name, description: '' }, signal);
    if (made.kind === 'ok') return made.value.id('id');
    // Somebody else was first.
    if (made.cause !== 'exists') throw new MirrorError('MB4004', made.error.message, { retry: made.error.retry, cause: made.error });
    const again = await this.lookUp(name, signal);
    if (again === undefined) throw made.error;
    return again;
  }
}
