import type { Gap } from '../model/index.ts';

/** Edits the gaps of one file when series become wanted or unwanted: there may be a hundred thousand gaps. */
export class PendingTags {
  /** The gaps in their order; the series of a route share one gap for each range. */
  readonly #gaps: { readonly gap: Gap; readonly tags: Set<string> | undefined }[] = [];
  readonly #byRange = new Map<string, Set<string>>();
  readonly #byTag = new Map<string, Set<string>[]>();
  #isChanged = false;

  constructor(gaps: readonly Gap[]) {
    for (const gap of gaps) this.#keep(gap);
  }

  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** Makes a range pending for a series. Series with the same range share a gap. */
  add(start: number, end: number, tag: string): void {
    this.#isChanged = true;
    const tags = this.#byRange.get(`${start} ${end}`);
    if (tags === undefined) this.#keep({ start, end, reason: 'route', tags: [tag] });
    else this.#note(tags.add(tag), tag);
  }

  /** Removes gaps that only one series needed. */
  forgo(tag: string): void {
    this.#isChanged = true;
    for (const tags of this.#byTag.get(tag) ?? []) tags.delete(tag);
    this.#byTag.delete(tag);
  }

  gaps(): Gap[] {
    return this.#gaps.flatMap(({ gap, tags }) => (tags === undefined ? [gap] : tags.size === 0 ? [] : [{ ...gap, tags: [...tags] }]));
  }

  #keep(gap: Gap): void {
    const tags = gap.tags === undefined ? undefined : new Set(gap.tags);
    this.#gaps.push({ gap, tags });
    if (tags === undefined) return;
    const range = `${gap.start} ${gap.end}`;
    if (gap.reason === 'route' && !this.#byRange.has(range)) this.#byRange.set(range, tags);
    for (const tag of tags) this.#note(tags, tag);
  }

  #note(tags: Set<string>, tag: string): void {
    const known = this.#byTag.get(tag);
    if (known === undefined) this.#byTag.set(tag, [tags]);
    else known.push(tags);
  }
}
