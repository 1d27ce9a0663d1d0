import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { openStore, type StoreReader } from '../backends/local/index.ts';
import { MirrorError, messageOf } from '../errors.ts';
import { EXPORT_KINDS, type ExportKind, writeCsv, writeParquet, writeTruthJson } from '../export/index.ts';
import { type CommandContext, type GlobalOptions, writeOut } from './context.ts';
import { storeSource } from './export-sources.ts';
import { readConfig } from './read-config.ts';
import { counted, formatCount, visibleText } from './terminal/index.ts';

export interface ExportFlags extends GlobalOptions {
  readonly format: 'json' | 'csv' | 'parquet';
  readonly out?: string;
  readonly root?: string;
  readonly kind?: string;
}

/** Writes the local store out, also while somebody mirrors into it. */
export async function exportCommand(flags: ExportFlags, context: CommandContext): Promise<void> {
  const config = await readConfig(flags, context);
  const { path } = config.store;
  const kind = exportKind(flags.kind);
  const isTerminal = flags.out === undefined || flags.out === '-';
  if (flags.format === 'parquet' && isTerminal && context.stdout.isTTY === true) {
    throw new MirrorError('MB1001', 'Parquet is no text for a terminal', {
      command: 'mirrorboard export --format parquet --out metrics.parquet',
    });
  }
  const reader = openStore(path);
  try {
    const source = storeSource(reader, chosenRoot(reader, flags.root, path));
    const output = isTerminal ? new StreamOutput(context.stdout) : new FileOutput(flags.out ?? '');
    try {
      const sink = (chunk: string | Uint8Array): void | Promise<void> => output.write(chunk);
      const { points, leftOut } =
        flags.format === 'json'
          ? await writeTruthJson(source, sink)
          : flags.format === 'csv'
            ? await writeCsv(source, sink, { kind })
            : await writeParquet(source, sink, { kind });
      output.finish();
      if (leftOut > 0)
        context.stderr.write(
          leftOut === 1
            ? '1 value that is no number is left out of a table of scalars; --kind all has it.\n'
            : `${formatCount(leftOut)} values that are no numbers are left out of a table of scalars; --kind all has them.\n`,
        );
      if (!isTerminal) context.stderr.write(`${counted(points, 'point')} written to ${visibleText(flags.out ?? '')}\n`);
    } catch (error) {
      output.abandon();
      throw error;
    }
  } finally {
    reader.close();
  }
}

function exportKind(kind = 'scalars'): ExportKind {
  const known = EXPORT_KINDS.find((candidate) => candidate === kind);
  if (known === undefined) {
    throw new MirrorError('MB1001', `there is no kind ${kind}; expected one of ${EXPORT_KINDS.join(', ')}`, {
      hint: 'Leave --kind out for scalars.',
    });
  }
  return known;
}

function chosenRoot(reader: StoreReader, asked: string | undefined, path: string): string {
  const names = reader.roots().map(({ name }) => name);
  const [only] = names;
  if (asked !== undefined && !names.includes(asked)) {
    throw new MirrorError('MB3008', `the store ${path} has no root ${asked}; it has: ${names.join(', ') || 'none'}`, { context: { path } });
  }
  if (asked !== undefined) return asked;
  if (only === undefined) {
    throw new MirrorError('MB3008', `the store ${path} is empty`, { command: 'mirrorboard backfill LOGDIR', context: { path } });
  }
  if (names.length > 1) {
    throw new MirrorError('MB3008', `the store ${path} has several roots: ${names.join(', ')}`, {
      hint: 'Say which one with --root NAME.',
      command: `mirrorboard export --root ${only}`,
      context: { path },
    });
  }
  return only;
}

class StreamOutput {
  readonly #stream: NodeJS.WritableStream;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
  }

  write(chunk: string | Uint8Array): Promise<void> {
    return writeOut(this.#stream, chunk);
  }

  finish(): void {}

  abandon(): void {}
}

/** A file appears under its name only when it is whole. */
class FileOutput {
  readonly #path: string;
  readonly #temporary: string;
  #fd: number | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#temporary = `${path}.${process.pid}.tmp`;
    try {
      this.#fd = openSync(this.#temporary, 'w');
    } catch (cause) {
      throw this.#failed(cause);
    }
  }

  write(chunk: string | Uint8Array): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd ?? -1, bytes, at);
    } catch (cause) {
      throw this.#failed(cause);
    }
  }

  finish(): void {
    try {
      if (this.#fd !== undefined) fsyncSync(this.#fd);
      this.#close();
      renameSync(this.#temporary, this.#path);
    } catch (cause) {
      throw this.#failed(cause);
    }
  }

  abandon(): void {
    this.#close();
    rmSync(this.#temporary, { force: true });
  }

  #close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) closeSync(fd);
  }

  #failed(cause: unknown): MirrorError {
    return new MirrorError('MB3009', `writing ${this.#path}: ${messageOf(cause)}`, {
      hint: 'Check that the folder exists, can be written and has room.',
      cause,
      context: { path: this.#path },
    });
  }
}
