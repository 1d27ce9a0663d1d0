import { OnceByKey } from '../../concurrency/index.ts';
import { MirrorError } from '../../errors.ts';
import { valueOrThrow } from '../../http/index.ts';
import type { ClearmlClient } from './client.ts';
import { exactly, hasShortPart, plainProjectName, projectName } from './names.ts';

/** A project by its id and its full name. */
export interface Project {
  readonly id: string;
  readonly name: string;
}

/** The projects of a server. Each is found or created once. */
export class Projects {
  readonly #client: ClearmlClient;
  readonly #known = new OnceByKey();

  constructor(client: ClearmlClient) {
    this.#client = client;
  }

  /** Finds the project of a name, or creates it. */
  find(name: string, signal: AbortSignal): Promise<Project> {
    return this.#known.take(name, () => this.#resolve(name, signal), signal);
  }

  /** Forgets all projects. If the server could not create a task, its project may be gone. */
  forget(): void {
    this.#known.forget();
  }

  /** Looks up the project of a name. Also accepts names with short parts, which servers before 2.2 accepted. */
  async lookUp(name: string, signal: AbortSignal): Promise<Project | undefined> {
    const long = projectName(name);
    const plain = plainProjectName(name);
    const found = await this.#named(long, signal);
    return found !== undefined || !hasShortPart(plain) ? found : this.#named(plain, signal);
  }

  async #named(name: string, signal: AbortSignal): Promise<Project | undefined> {
    const body = { name: exactly(name), only_fields: ['id', 'name'], search_hidden: true };
    const reply = await this.#client.call(`looking for the project ${name}`, 'projects.get_all', body, signal);
    const projects = valueOrThrow(reply).list('projects');
    const id = projects.find((project) => project.text('name', '') === name)?.id('id');
    return id === undefined ? undefined : { id, name };
  }

  async #resolve(given: string, signal: AbortSignal): Promise<Project> {
    const found = await this.lookUp(given, signal);
    if (found !== undefined) return found;
    const name = projectName(given);
    const made = await this.#client.call(`creating the project ${name}`, 'projects.create', { name, description: '' }, signal);
    if (made.kind === 'ok') return { id: made.value.id('id'), name };
    // Another process was first.
    if (made.cause !== 'exists') throw new MirrorError('MB4004', made.error.message, { retry: made.error.retry, cause: made.error });
    const again = await this.#named(name, signal);
    if (again === undefined) throw made.error;
    return again;
  }
}
