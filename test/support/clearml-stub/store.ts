// What the stand-in for a ClearML server keeps: projects, tasks, models, events.
import { createHash, randomBytes } from 'node:crypto';

export type Fields = Record<string, unknown>;

/** An answer that is no success: result code, subcode, message. */
export class Refused extends Error {
  readonly code: number;
  readonly subcode: number;

  constructor(code: number, subcode: number, message: string) {
    super(message);
    this.code = code;
    this.subcode = subcode;
  }
}

export interface Task extends Fields {
  id: string;
  name: string;
  status: string;
  project: string;
  tags: string[];
  runtime: Fields;
  script: Fields;
  hyperparams: Record<string, Record<string, Fields>>;
  configuration: Record<string, Fields>;
  execution: { artifacts: Fields[] };
  created: string;
}

/** An event with its step as digits. */
export interface StoredEvent {
  readonly kind: string;
  readonly task: string;
  readonly iter: bigint;
  /** The event's own JSON text, as it came. */
  readonly text: string;
  readonly fields: Fields;
}

/** Statuses that a task may come from, without force. */
const REACH: Readonly<Record<string, readonly string[]>> = {
  in_progress: ['created', 'queued', 'stopped', 'completed', 'in_progress'],
  stopped: ['queued', 'in_progress', 'closed', 'failed', 'stopped'],
  completed: ['in_progress', 'stopped', 'completed'],
  failed: ['in_progress', 'stopped', 'closed', 'failed'],
};

export class Store {
  readonly projects = new Map<string, Fields & { id: string; name: string }>();
  readonly tasks = new Map<string, Task>();
  readonly models: Fields[] = [];
  readonly events = new Map<string, StoredEvent>();
  /** Parts of project names, as servers before 2.2 do. */
  takesShortParts = false;
  /** Deliveries, repeated ones too. */
  delivered = 0;

  task(id: unknown): Task {
    const task = this.tasks.get(String(id));
    if (task === undefined) throw new Refused(400, 101, `Invalid task id: id=${String(id)}, company=c`);
    return task;
  }

  move(task: Task, status: string, force: boolean): void {
    if (!force && REACH[status]?.includes(task.status) !== true) {
      throw new Refused(400, 110, `Invalid task status (Invalid status change): current_status=${task.status}, new_status=${status}`);
    }
    task.status = status;
  }

  editable(task: Task, force: boolean): void {
    if (task.status !== 'created' && !(force && task.status === 'in_progress')) {
      throw new Refused(400, 110, `Invalid task status: expected=created, status=${task.status}`);
    }
  }

  put(event: StoredEvent): void {
    const { task, metric, variant, key } = event.fields;
    const parts = [task, event.iter, metric, variant, ...(key === undefined ? [] : [key])];
    const id = event.kind === 'log' ? newId() : createHash('md5').update(parts.map(String).join('-')).digest('hex');
    this.delivered++;
    this.events.set(`${event.kind} ${id}`, event);
  }

  /** In the order of their steps. */
  eventsOf(task: string, kind?: string): StoredEvent[] {
    return [...this.events.values()]
      .filter((event) => event.task === task && (kind === undefined || event.kind === kind))
      .sort((a, b) => (a.iter < b.iter ? -1 : a.iter > b.iter ? 1 : 0));
  }

  removeTask(id: string): void {
    this.tasks.delete(id);
    for (const [key, event] of this.events) if (event.task === id) this.events.delete(key);
  }
}

export function newId(): string {
  return randomBytes(16).toString('hex');
}
