/** Scripts that shells load to complete words of the program. They call the program, and stay silent if it fails. */

/** The word `help`: the program has it, although it is not a command of ours. */
export const LIST_COMMANDS = { word: 'help', meaning: 'show help for a command' };

/** The program's answer if the shell can complete better: names of files. */
export const FILES = ':files';
/** The answer that asks the shell to complete folders. */
export const FOLDERS = ':folders';

// $1 is the program as it was typed, so that a path to it works as well. The program splits the words, since bash
// also breaks them at = and :.
const BASH = `# mirrorboard completion bash > ~/.local/share/bash-completion/completions/mirrorboard
_mirrorboard() {
  local line replies
  COMPREPLY=()
  replies=$("$1" __complete bash "\${COMP_LINE:0:COMP_POINT}" "\${COMP_WORDS[COMP_CWORD]}" 2>/dev/null </dev/null) || return 0
  case $replies in
    ':files') compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$2"); return 0 ;;
    ':folders') compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$2"); return 0 ;;
    '') return 0 ;;
  esac
  while IFS= read -r line; do COMPREPLY+=("$line"); done <<<"$replies"
  case \${COMPREPLY[0]} in *=) compopt -o nospace 2>/dev/null ;; esac
  return 0
}
complete -F _mirrorboard mirrorboard
`;

const ZSH = `#compdef mirrorboard
# mirrorboard completion zsh > "\${fpath[1]}/_mirrorboard"
_mirrorboard() {
  local -a lines found shown
  local line
  lines=("\${(@f)$("\${(Q)words[1]}" __complete zsh "\${(@Q)words[2,CURRENT]}" 2>/dev/null </dev/null)}")
  case $lines[1] in
    ':files') _files; return ;;
    ':folders') _files -/; return ;;
    '') return 1 ;;
  esac
  for line in $lines; do
    found+=("\${line%%$'\\t'*}")
    shown+=("\${line/$'\\t'/  -- }")
  done
  compadd -l -d shown -- $found
}
if [ "$funcstack[1]" = _mirrorboard ]; then _mirrorboard "$@"; else compdef _mirrorboard mirrorboard; fi
`;

const FISH = `# mirrorboard completion fish > ~/.config/fish/completions/mirrorboard.fish
function __mirrorboard_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l replies ($words[1] __complete fish $words[2..-1] "$current" 2>/dev/null </dev/null)
    switch "$replies[1]"
        case ':files'
            __fish_complete_path $current
        case ':folders'
            __fish_complete_directories $current
        case '*'
            printf '%s\\n' $replies
    end
end
complete -c mirrorboard -f -a '(__mirrorboard_complete)'
`;

/** The completion script of each shell. */
export const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
