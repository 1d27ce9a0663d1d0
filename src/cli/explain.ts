import { readFileSync } from 'node:fs';
import { suggestion } from '../closest-name.ts';
import { type ErrorCode, ExitCode, errorCodes, MirrorError } from '../errors.ts';
import { type CommandContext, type GlobalOptions, styleOf, writeOut } from './context.ts';
import { columnsOf, type Style, wrapText } from './terminal/index.ts';

/** An entry of docs/errors.md. */
interface Explanation {
  readonly code: ErrorCode;
  readonly title: string;
  /** The text as it is on the page. */
  readonly text: string;
}

/** Explains codes with the text of docs/errors.md, which the build copies next to this file. */
export async function explainCommand(codes: readonly string[], flags: GlobalOptions, context: CommandContext): Promise<void> {
  const { stdout, env } = context;
  context.exitCode = ExitCode.done;
  if (codes.length === 0) {
    const known = Object.entries(errorCodes).map(([code, { title, exit }]) => ({ code, title, exit_code: exit }));
    const text = known.map(({ code, title }) => wrapText(`${code}  ${title}`, columnsOf(stdout, env), 8)).join('\n');
    await writeOut(stdout, flags.json === true ? `${JSON.stringify({ type: 'error_codes', codes: known })}\n` : `${text}\n`);
    return;
  }
  const asked = codes.map(codeOf);
  const page = explanations(readFileSync(new URL('errors.md', import.meta.url), 'utf8'));
  const found = asked.map((code) => page.get(code) ?? { code, title: errorCodes[code].title, text: '' });
  if (flags.json === true) {
    for (const one of found) await writeOut(stdout, `${JSON.stringify(explanationJson(one))}\n`);
    return;
  }
  const style = styleOf(stdout, flags, env);
  await writeOut(stdout, `${found.map((one) => explanationText(one, style, columnsOf(stdout, env))).join('\n\n')}\n`);
}

/** Returns the entries of the page, by their codes. */
export function explanations(page: string): Map<ErrorCode, Explanation> {
  const entries = page.split(/^## /m).slice(1);
  return new Map(
    entries.flatMap((entry) => {
      const [, code = '', title = '', text = ''] = /^(MB\d{4}): (.*)\n([\s\S]*)$/.exec(entry) ?? [];
      return isCode(code) ? [[code, { code, title, text: text.trim() }]] : [];
    }),
  );
}

/** Returns the code that a person typed, also in small letters or as a number only. */
function codeOf(text: string): ErrorCode {
  const code = text.toUpperCase().replace(/^(ERROR)?\[?(?:MB)?(\d{4})\]?:?$/, 'MB$2');
  if (isCode(code)) return code;
  const guess = suggestion(code, Object.keys(errorCodes));
  throw new MirrorError('MB1001', `no such error code: ${JSON.stringify(text)}${guess}`, {
    hint: 'Run mirrorboard explain without a code to list all of them.',
    context: { code: text },
  });
}

function isCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCodes, text);
}

function explanationText({ code, title, text }: Explanation, style: Style, columns: number | undefined): string {
  const plain = plainText(text)
    .split('\n')
    .map((line) => {
      const [, name = '', rest = ''] = /^([A-Z][a-z ]+:) (.*)$/.exec(line) ?? [];
      return name === '' ? wrapText(line, columns) : wrapText(`${name} ${rest}`, columns, 2).replace(name, style.bold(name));
    });
  return [style.bold(`${code}: ${title}`), '', ...plain].join('\n');
}

function explanationJson({ code, title, text }: Explanation): object {
  const lines = plainText(text).split('\n');
  const part = (name: string): string | null => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? null;
  return {
    type: 'error_code',
    code,
    title,
    exit_code: errorCodes[code].exit,
    means: part('Means'),
    usual_cause: part('Usual cause'),
    what_to_do: part('What to do'),
    text: lines.join('\n'),
  };
}

/**
 * Converts Markdown to text: joins the lines of a paragraph, removes marks, and puts a linked page after its name.
 */
function plainText(markdown: string): string {
  return markdown
    .replace(/\n +(?=\S)/g, ' ')
    .replace(/^- /gm, '')
    .replace(/\*\*([^*]+)\*\*/g, '$1')
    .replace(/\[([^\][]+)\]\(([^()]+)\)/g, (_, name: string, page: string) => (page.startsWith('#') ? name : `${name} (docs/${page})`))
    .replace(/`/g, '');
}
