import { closestName, suggestion } from '../closest-name.ts';

/** The values that a template can use. */
interface TemplateRun {
  /** The root's name. */
  readonly root: string;
  /** The run's path below the root; `.` is the root itself, and has the root's name. */
  readonly path: string;
  readonly project?: string | undefined;
  /** The group that a route drew for the run. */
  readonly group?: string | undefined;
}

/** The placeholders `{name}` of a template, for messages and documents. */
const PLACEHOLDERS = ['path', 'path[0]', 'path[-1]', 'name', 'parent', 'number', 'root', 'project', 'group'] as const;

const PART = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;
const INDEX = /^path\[(-?\d+)\]$/;

/**
 * Puts a run into the name of a tracker run or experiment: `{path}`, a part of it by its place (`{path[0]}`, from the
 * end `{path[-1]}`), `{name}` (its last part), `{parent}` (all before that), `{number}` (the last number in its
 * name), `{root}`, `{project}`, `{group}` (drawn by a route). `{{` and `}}` are braces. A part that a short path does
 * not have is empty. If the whole result is empty, it is the root's name: no tracker takes an empty name.
 */
export function expandTemplate(template: string, run: TemplateRun): string {
  const text = fillIn(template, run);
  return text === '' ? run.root : text;
}

/** Does the same for texts that may be empty: tags, the parent run. */
export function fillIn(template: string, { root, path, project, group }: TemplateRun): string {
  const parts = path === '.' || path === '' ? [root] : path.split('/');
  return template.replace(PART, (found, name: string | undefined) => {
    if (found === '{{') return '{';
    if (found === '}}') return '}';
    const index = INDEX.exec(name ?? '')?.[1];
    if (index !== undefined) return parts.at(Number(index)) ?? '';
    if (name === 'path') return parts.join('/');
    if (name === 'name') return parts.at(-1) ?? '';
    if (name === 'parent') return parts.slice(0, -1).join('/');
    if (name === 'number') return /(\d+)\D*$/.exec(parts.at(-1) ?? '')?.[1] ?? '';
    if (name === 'root') return root;
    if (name === 'project') return project ?? '';
    if (name === 'group') return group ?? '';
    return found;
  });
}

/** Returns the result of a valid template for every run; undefined if it differs from run to run. */
export function constantOf(template: string, project: string | undefined): string | undefined {
  const differs = [...template.matchAll(PART)].some(([, name]) => name !== undefined && name !== 'project');
  return differs ? undefined : expandTemplate(template, { root: '', path: '.', project });
}

/** Returns a template whose result is exactly this text. */
export function literalTemplate(text: string): string {
  return text.replace(/[{}]/g, '$&$&');
}

/** Returns a misspelled placeholder in a text that may contain any text (a tag), and the most likely intended one. */
export function misspelledPlaceholder(text: string): { readonly found: string; readonly meant: string } | undefined {
  for (const [found, name] of text.matchAll(PART)) {
    if (name === undefined || INDEX.test(name) || PLACEHOLDERS.some((placeholder) => placeholder === name)) continue;
    const meant = closestName(name, PLACEHOLDERS);
    if (meant !== undefined) return { found, meant: `{${meant}}` };
  }
  return undefined;
}

/** Returns the problem with a template, as the two halves of a message; undefined if it is valid. */
export function templateProblem(
  template: string,
  { hasProject }: { readonly hasProject: boolean },
): { readonly found: string; readonly expected: string } | undefined {
  const known = PLACEHOLDERS.map((name) => `{${name}}`).join(', ');
  for (const [found, name] of template.matchAll(PART)) {
    if (found === '{{' || found === '}}') continue;
    if (name === undefined)
      return { found: `a single ${found} in ${JSON.stringify(template)}`, expected: `${found}${found} for a brace, or one of ${known}` };
    if (name === 'project' && !hasProject) return { found: '{project}, which is not set', expected: 'a project, or a template without it' };
    if (INDEX.test(name) || PLACEHOLDERS.some((placeholder) => placeholder === name)) continue;
    return { found: `{${name}}`, expected: `one of ${known}${suggestion(name, PLACEHOLDERS)}` };
  }
  return undefined;
}
