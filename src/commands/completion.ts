/** `steerd completion SHELL`: a script that makes the shell complete subcommands, flags and names of concepts. */
import { Argument, type Command } from 'commander';
import { say } from './output.js';

interface Words {
  /** Subcommands below, as one types them: `concepts show`. */
  readonly path: string;
  readonly words: readonly string[];
}

export function register(program: Command): void {
  program
    .command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>', 'which').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
For bash, in ~/.bashrc: source <(steerd completion bash)
For zsh, in ~/.zshrc:   source <(steerd completion zsh)
For fish: steerd completion fish | source`,
    )
    .action((shell: string) => {
      const all = wordsOf(program);
      say(shell === 'fish' ? fish(all) : shell === 'zsh' ? zsh(all) : bash(all));
    });
}

function wordsOf(command: Command, path = ''): Words[] {
  const flags = command.options.flatMap(({ long }) => (long ? [long] : []));
  const below = command.commands.filter((one) => one.name() !== 'help');
  return [
    { path, words: [...below.map((one) => one.name()), ...flags, '--help'] },
    ...below.flatMap((one) => wordsOf(one, `${path} ${one.name()}`.trim())),
  ];
}

/** What a concept's name follows, and what a file's does. */
const ofConcepts = [
  ...['-c', '--concept', '--concepts'],
  ...['show', 'export', 'rm', 'remove', 'similarity', 'versions', 'rollback', 'calibrate'],
];
const ofFiles = [
  ...['--out', '--data-dir', '--models-dir', '--cache-dir', '--history', '--list', '--examples', '--prompts'],
  ...['--questions', '--texts', '--chats', 'import', 'graft', 'report', 'compare'],
];

/** The names, a line each. */
const listConcepts = `steerd concepts list --json 2>/dev/null | sed -n 's/^ *"name": "\\(.*\\)",$/\\1/p'`;

const cases = (all: readonly Words[]) =>
  all.map(({ path, words }) => `    "${path}") words="${words.join(' ')}" ;;`).join('\n');

/** What both shells do: join the subcommands typed so far, at most two, and look up what may follow. */
const lookUp = (all: readonly Words[]) => {
  const paths = all.map(({ path }) => path).filter(Boolean);
  return `  local path="" word words=""
  for word in "\${typed[@]}"; do
    case " ${paths.map((path) => path.replaceAll(' ', '/')).join(' ')} " in
      *" \${path:+\${path// //}/}$word "*) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${cases(all)}
  esac`;
};

const bash = (all: readonly Words[]) => `# bash completion for steerd
_steerd() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local typed=("\${COMP_WORDS[@]:1:COMP_CWORD-1}")
${lookUp(all)}
  [[ "$current" == -* ]] || case "$previous" in
    ${ofConcepts.join('|')}) words="$words $(${listConcepts})" ;;
    ${ofFiles.join('|')}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _steerd steerd`;

const zsh = (all: readonly Words[]) => `#compdef steerd
# zsh completion for steerd
_steerd() {
  local -a typed; typed=("\${(@)words[2,CURRENT-1]}")
  _steerd_words "\${typed[@]}"
}
_steerd_words() {
  local -a typed; typed=("$@")
${lookUp(all)}
  [[ "$PREFIX" == -* ]] || case "\${typed[-1]}" in
    ${ofConcepts.join('|')}) words="$words $(${listConcepts})" ;;
    ${ofFiles.join('|')}) _files; return ;;
  esac
  compadd -- \${=words}
}
compdef _steerd steerd`;

const fish = (all: readonly Words[]) => {
  const lines = all.flatMap(({ path, words }) => {
    const names = path.split(' ').filter(Boolean);
    const seen = names.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
    const subcommands = words.filter((word) => !word.startsWith('-'));
    const none = subcommands.length > 0 ? `not __fish_seen_subcommand_from ${subcommands.join(' ')}` : '';
    const condition = [seen, none].filter(Boolean).join('; and ');
    return words.map((word) =>
      word.startsWith('--')
        ? `complete -c steerd -n '${condition}' -l ${word.slice(2)}`
        : `complete -c steerd -f -n '${condition}' -a ${word}`,
    );
  });
  const subcommands = ofConcepts.filter((word) => !word.startsWith('-'));
  const names = [
    `complete -c steerd -n '__fish_seen_subcommand_from ${subcommands.join(' ')}' -a '(${listConcepts.replaceAll("'", "\\'")})'`,
    `complete -c steerd -s c -l concept -x -a '(${listConcepts.replaceAll("'", "\\'")})'`,
  ];
  return ['# fish completion for steerd', ...lines, ...names].join('\n');
};
