/** The place of a text in the event files of a run. */
interface TextPosition {
  /** The file as seen from the tracker run's directory. */
  readonly file: string;
  /** The offset of its record. */
  readonly offset: number;
  /** The index of its value in the record. */
  readonly index: number;
}

/** Writes a position as the state keeps it in place of a file's stamp. */
export function textStamp({ file, offset, index }: TextPosition): string {
  return `${offset}.${index}@${file}`;
}

/** Reads a position; undefined if a stamp is not that of a text. */
export function readTextStamp(stamp: string): TextPosition | undefined {
  const [, offset, index, file] = /^(\d+)\.(\d+)@(.*)$/s.exec(stamp) ?? [];
  return file === undefined ? undefined : { file, offset: Number(offset), index: Number(index) };
}
