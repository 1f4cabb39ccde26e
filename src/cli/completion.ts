import type { Command } from 'commander';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** What may come after one path of commands. */
interface Place {
  /** `tenant create`; empty for the program itself. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly meaning: string }[];
}

function placesOf(command: Command, path: readonly string[] = []): readonly Place[] {
  const own = [...command.commands].map((child) => ({ word: child.name(), meaning: child.description() }));
  const options = command.options.map(({ long, description }) => ({
    word: long ?? '',
    meaning: description,
  }));
  const help = { word: '--help', meaning: 'display help for command' };
  const place: Place = {
    path: path.join(' '),
    words: [...own, ...options, help].filter(({ word }) => word !== ''),
  };
  return [place, ...[...command.commands].flatMap((child) => placesOf(child, [...path, child.name()]))];
}

/** A script for the shell, made from the commands as they are. */
export function toCompletionScript(program: Command, shell: Shell): string {
  return scripts[shell](placesOf(program));
}

const scripts: Record<Shell, (places: readonly Place[]) => string> = {
  bash: toBash,
  zsh: toZsh,
  fish: toFish,
};

/** Finds the path: every word so far that is no option and leads to a place we know. */
const bashWalk = `  local path="" word
  for word in "\${words[@]:1:cword-1}"; do
    case " $known " in *"|\${path:+$path }$word|"*) path="\${path:+$path }$word" ;; esac
  done`;

function toBash(places: readonly Place[]): string {
  const known = places.map(({ path }) => `|${path}|`).join('');
  const cases = places.map(
    ({ path, words }) => `    ${quote(path)}) reply=${quote(words.map(({ word }) => word).join(' '))} ;;`,
  );
  return `# bash completion of bulkhead:  eval "$(bulkhead completion bash)"
_bulkhead() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" cword=$COMP_CWORD reply="" known=${quote(known)}
  local words=("\${COMP_WORDS[@]}")
${bashWalk}
  case "$path" in
${cases.join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$reply" -- "$cur")
}
complete -o default -F _bulkhead bulkhead`;
}

function toZsh(places: readonly Place[]): string {
  const cases = places.map(({ path, words }) => {
    const described = words.map(({ word, meaning }) => quote(`${word}:${meaning}`)).join(' ');
    return `    ${quote(path)}) reply=(${described}) ;;`;
  });
  const known = places.map(({ path }) => `|${path}|`).join('');
  return `#compdef bulkhead
# zsh completion of bulkhead:  bulkhead completion zsh > "\${fpath[1]}/_bulkhead"
_bulkhead() {
  local known=${quote(known)} where="" word
  local -a reply
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ "$known" == *"|\${where:+$where }$word|"* ]] && where="\${where:+$where }$word"
  done
  case "$where" in
${cases.join('\n')}
  esac
  _describe bulkhead reply
}
if [[ "$funcstack[1]" == _bulkhead ]]; then _bulkhead "$@"; else compdef _bulkhead bulkhead; fi`;
}

function toFish(places: readonly Place[]): string {
  const known = places.map(({ path }) => quote(path)).join(' ');
  const lines = places.flatMap(({ path, words }) =>
    words.map(({ word, meaning }) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`;
      return `complete -c bulkhead -f -n ${quote(`__bulkhead_at ${quote(path)}`)} ${what} -d ${quote(meaning)}`;
    }),
  );
  return `# fish completion of bulkhead:  bulkhead completion fish > ~/.config/fish/completions/bulkhead.fish
function __bulkhead_at
  set -l known ${known}
  set -l path ""
  for word in (commandline -opc)[2..-1]
    set -l next (string trim -- "$path $word")
    contains -- "$next" $known; and set path $next
  end
  test "$path" = "$argv[1]"
end
${lines.join('\n')}`;
}

/** Single quotes of a shell; fish and the others agree on this form. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
