// Random numbers that a seed repeats.
import type { Random } from '../../src/random.ts';

/** A source of random values that gives the same ones for the same label. */
export class Seeded implements Random {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;

  constructor(label: string) {
    // FNV-1a, three times over the label: enough to tell labels apart.
    const hash = (start: number): number => {
      let h = start;
      for (let i = 0; i < label.length; i++) h = Math.imul(h ^ label.charCodeAt(i), 0x01000193);
      return h | 0;
    };
    this.#a = hash(0x811c9dc5 | 0);
    this.#b = hash(0x2f0b4c47);
    this.#c = hash(0x6b43a9b5);
    for (let i = 0; i < 12; i++) this.fraction();
  }

  /** sfc32: small, fast, and good enough for choices. */
  fraction(): number {
    const t = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    return (t >>> 0) / 4294967296;
  }

  /** An integer of at least `from`, and at most `to`. */
  int(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1));
  }

  chance(share: number): boolean {
    return this.fraction() < share;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.fraction() * items.length)]!;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.int(0, 255));
  }

  uuid(): string {
    const hex = Buffer.from(this.bytes(16)).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}
