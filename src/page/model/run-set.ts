/**
 * Short text for a list of runs: common beginnings stand once, as in a shell. `logs/(a,b/(x,y))` is `logs/a`,
 * `logs/b/x` and `logs/b/y`.
 */

interface Branch {
  /** True if the path up to here is itself in the list. */
  isMember: boolean;
  readonly below: Map<string, Branch>;
}

/** Returns the text of a list of runs. The order is not kept. */
export function runSetText(ids: Iterable<string>): string {
  const top: Branch = { isMember: false, below: new Map() };
  for (const id of ids) {
    let at = top;
    for (const part of id.split('/')) {
      let next = at.below.get(part);
      if (next === undefined) {
        next = { isMember: false, below: new Map() };
        at.below.set(part, next);
      }
      at = next;
    }
    at.isMember = true;
  }
  return listText(top);
}

function listText(branch: Branch): string {
  const texts: string[] = [];
  for (const [part, below] of [...branch.below].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = quoted(part);
    if (below.isMember) texts.push(name);
    if (below.below.size === 0) continue;
    const rest = listText(below);
    texts.push(isOne(below) ? `${name}/${rest}` : `${name}/(${rest})`);
  }
  return texts.join(',');
}

/** Tells if the text of what is below has no comma at its top. */
function isOne({ below }: Branch): boolean {
  const [only] = below.values();
  return below.size === 1 && only !== undefined && !(only.isMember && only.below.size > 0);
}

function quoted(part: string): string {
  return part.replace(/[\\(),]/g, '\\$&');
}

/** Returns the runs of a text, sorted as in the text. A text that nobody wrote gives what can be read of it. */
export function runsOfSet(text: string): readonly string[] {
  const runs: string[] = [];
  /** The beginnings of the open parentheses. */
  const prefixes: string[] = [''];
  let name = '';
  const end = (): void => {
    if (name !== '') runs.push((prefixes.at(-1) ?? '') + name);
    name = '';
  };
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === '\\') name += text.charAt(++i);
    else if (c === ',') end();
    else if (c === '(') {
      prefixes.push((prefixes.at(-1) ?? '') + name);
      name = '';
    } else if (c === ')') {
      end();
      if (prefixes.length > 1) prefixes.pop();
    } else name += c;
  }
  end();
  return runs;
}
