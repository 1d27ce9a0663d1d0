import { stat } from 'node:fs/promises';

const LOOK_MS = 2000;

/**
 * A check of a file every two seconds. It reports when the file was replaced or written to. It follows the path's
 * links: Kubernetes changes a ConfigMap by a link above its files. Notifications miss that, and network file systems
 * have none.
 */
export class FileLook {
  readonly #path: string;
  readonly #changed: () => void;
  readonly #timer: NodeJS.Timeout;
  #known: string | undefined;
  #before: string | undefined;
  #isLooking = false;

  constructor(path: string, changed: () => void, lookMs = LOOK_MS) {
    this.#path = path;
    this.#changed = changed;
    this.#timer = setInterval(() => void this.#look(), lookMs);
    this.#timer.unref();
    void this.#look();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    // If a file system hangs, only one check waits for it.
    if (this.#isLooking) return;
    this.#isLooking = true;
    const now = await signatureOf(this.#path);
    this.#isLooking = false;
    const isSettled = now === this.#before;
    this.#before = now;
    this.#known ??= now;
    // A writer may not be done: the change counts once two checks see the same.
    if (now === this.#known || !isSettled) return;
    this.#known = now;
    this.#changed();
  }
}

async function signatureOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
