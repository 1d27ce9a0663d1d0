/**
 * Lets processes that create a tracker run for the same run at the same moment agree on one, if the tracker has no
 * unique names. Nothing orders such runs by creation: times come from clients, ids are random, and a list may be
 * late. So this is Lamport's bakery algorithm. A new run has no ticket. If its process finds no other run, it takes
 * ticket 0. Otherwise, it takes a ticket after all others and waits until each has one. The lowest one wins; the
 * order of the list decides between equal tickets. A process that creates a run later finds the winner, and follows
 * it.
 */
import { type Clock, systemClock } from '../../clock.ts';

/**
 * The process that makes a run gives it a ticket at once. A run without a ticket after this time belongs to a process
 * that died.
 */
const TICKET_MS = 5000;
const LOOK_MS = 100;
/** Sorts a run without a ticket after all others. */
const LAST = Number.MAX_SAFE_INTEGER;

/** The tracker runs of one key. */
export interface Contenders<Run> {
  /** Lists all of them, in an order that is the same for all processes. */
  list(): Promise<readonly Run[]>;
  idOf(run: Run): string;
  /** Returns the ticket that the tracker has for it, as a text. */
  ticketOf(run: Run): unknown;
  /** True if the run exists and belongs to this run: the others wait for its ticket. */
  isOwn(run: Run): boolean;
  giveTicket(run: Run, ticket: string): Promise<void>;
  /** True if the run is empty. Default: true for a run without a ticket. */
  isEmpty?(run: Run): boolean;
  /** True if the run's process may still give it a ticket, if the tracker can tell. */
  mayDraw?(run: Run): boolean;
  /** Removes an unused run. */
  remove(run: Run): Promise<void>;
  /** The clock. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/**
 * Waits until each contender of this run has a ticket, or no process will give it one any more. Returns all by
 * ticket.
 */
export async function byTicket<Run>(contenders: Contenders<Run>, signal: AbortSignal): Promise<readonly Run[]> {
  const { clock = systemClock } = contenders;
  const end = clock.steadyMs() + TICKET_MS;
  for (;;) {
    const all = await contenders.list();
    const isDrawing = all.some(
      (run) => contenders.isOwn(run) && ticketIn(contenders, run) === undefined && contenders.mayDraw?.(run) !== false,
    );
    if (!isDrawing || clock.steadyMs() > end) {
      return all.toSorted((a, b) => (ticketIn(contenders, a) ?? LAST) - (ticketIn(contenders, b) ?? LAST));
    }
    await clock.sleep(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}

/**
 * Returns the run that all contenders agree on: `made`, or another one. In the second case, it removes `made`, and
 * the runs that dead processes left without a ticket.
 */
export async function agreeOnOne<Run>(made: Run, contenders: Contenders<Run>, signal: AbortSignal): Promise<Run> {
  const id = contenders.idOf(made);
  const isOther = (run: Run): boolean => contenders.isOwn(run) && contenders.idOf(run) !== id;
  const others = (await contenders.list()).filter(isOther);
  const ticket = others.reduce((last, run) => Math.max(last, ticketIn(contenders, run) ?? 0), -1) + 1;
  try {
    await contenders.giveTicket(made, String(ticket));
  } catch (error) {
    // The others treat a process that takes so long as dead.
    const left = await byTicket(contenders, signal);
    const winner = left.find(isOther);
    if (winner === undefined || left.some((run) => contenders.idOf(run) === id)) throw error;
    return winner;
  }
  if (others.length === 0) return made;
  const all = await byTicket(contenders, signal);
  const first = all.find((run) => contenders.isOwn(run));
  if (first === undefined || contenders.idOf(first) === id) {
    await withoutLeft(all.filter(isOther), contenders);
    return made;
  }
  await contenders.remove(made);
  return first;
}

/**
 * Removes the twins that processes left when they died: a run gets its ticket before anything is written to it.
 * Returns the others.
 */
export async function withoutLeft<Run>(twins: readonly Run[], contenders: Contenders<Run>): Promise<readonly Run[]> {
  const isLeft = (run: Run): boolean => ticketIn(contenders, run) === undefined && contenders.isEmpty?.(run) !== false;
  for (const run of twins) if (isLeft(run)) await contenders.remove(run);
  return twins.filter((run) => !isLeft(run));
}

/** Returns the ticket for a run that a dead process left without one, so that the next run need not wait for it. */
export function missingTicket(ticket: unknown): string | undefined {
  return readTicket(ticket) === undefined ? '1' : undefined;
}

function ticketIn<Run>({ ticketOf }: Contenders<Run>, run: Run): number | undefined {
  return readTicket(ticketOf(run));
}

function readTicket(text: unknown): number | undefined {
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
