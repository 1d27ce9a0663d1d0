/** Spreads the painting of charts over frames: a page with many charts stays smooth. */

/** The milliseconds of a frame that charts may take. What has begun is finished. */
const SHARE_MS = 8;

const waiting = new Map<object, () => void>();
let isAsked = false;

/** Runs a task in one of the next frames. A later task for the same owner replaces it. */
export function paintSoon(owner: object, task: () => void): void {
  waiting.set(owner, task);
  ask();
}

/** Forgets the task of an owner. */
export function paintNever(owner: object): void {
  waiting.delete(owner);
}

function ask(): void {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(() => {
    isAsked = false;
    const end = performance.now() + SHARE_MS;
    for (const [owner, task] of waiting) {
      waiting.delete(owner);
      task();
      if (performance.now() >= end) break;
    }
    if (waiting.size > 0) ask();
  });
}
