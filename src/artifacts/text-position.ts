/** Where a text is in the event files of a run. */
interface TextPosition {
  /** As seen from the tracker run's directory. */
  readonly file: string;
  /** Of its record. */
  readonly offset: number;
  /** Of its value in the record. */
  readonly index: number;
}

/** As the state keeps it in the place of a file's stamp. */
export function textStamp({ file, offset, index }: TextPosition): string {
  return `${offset}.${index}@${file}`;
}

/** Undefined if a stamp is not that of a text. */
export function readTextStamp(stamp: string): TextPosition | undefined {
  const [, offset, index, file] = /^(\d+)\.(\d+)@(.*)$/s.exec(stamp) ?? [];
  return file === undefined ? undefined : { file, offset: Number(offset), index: Number(index) };
}
