/**
 * Shell completion, from the command tree itself: a script that knows commands, options and choices, and asks nobody anything.
 * Libraries for this start the program at every press of the key; a list in the shell answers at once.
 */
import type { Command, Option } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What may follow after the words of one command. */
interface Place {
  /** The words after the program's name, joined by a space; empty for the program itself. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly help: string }[];
  readonly flags: readonly Flag[];
  readonly takesFile: boolean;
}

interface Flag {
  readonly names: readonly string[];
  readonly help: string;
  /** What follows it: undefined for a switch, nothing in the list where it could be anything. */
  readonly values: readonly string[] | undefined;
  readonly takesFile: boolean;
}

const IS_FILE = /file|dir/;

/** @returns a script to be read by that shell when it starts. */
export function completionScript(program: Command, shell: Shell): string {
  const places = placesOf(program, '');
  if (shell === 'fish') return fishScript(places);
  // zsh runs completions that were written for bash.
  return `${shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''}${bashScript(places)}`;
}

function placesOf(command: Command, path: string): readonly Place[] {
  const help = command.createHelp();
  const children = help.visibleCommands(command).filter((child) => child.name() !== 'help');
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const own: Place = {
    path,
    words: [
      ...children.map((child) => ({ word: child.name(), help: child.description() })),
      ...choices.map((word) => ({ word, help: '' })),
    ],
    flags: [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)].map(flagOf),
    takesFile: command.registeredArguments.some((argument) => IS_FILE.test(argument.name())),
  };
  return [own, ...children.flatMap((child) => placesOf(child, `${path} ${child.name()}`.trim()))];
}

const flagOf = ({ flags, short, long, description, required, optional, argChoices }: Option): Flag => ({
  names: [long, short].filter((name) => name !== undefined),
  help: description,
  values: required || optional ? (argChoices ?? []) : undefined,
  takesFile: IS_FILE.test(/<(.*)>/.exec(flags)?.[1] ?? ''),
});

/** In single quotes, whatever is in it. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** In bash, a reply is the words to choose from; a slash stands for files, which is no word of ours. */
function bashScript(places: readonly Place[]): string {
  const row = (keys: readonly string[], words: readonly string[], takesFile: boolean): string =>
    `    ${keys.map(quote).join(' | ')}) reply=${quote([...words, ...(takesFile ? ['/'] : [])].join(' '))} ;;`;
  const values = places.flatMap(({ path, flags }) =>
    flags.flatMap(({ names, values, takesFile }) =>
      values === undefined
        ? []
        : [
            row(
              names.map((name) => `${path}|${name}`),
              values,
              takesFile,
            ),
          ],
    ),
  );
  const words = places.map(({ path, words, flags, takesFile }) =>
    row([path], [...words.map(({ word }) => word), ...flags.flatMap(({ names }) => names)], takesFile),
  );
  const cases = (name: string, key: string, rows: readonly string[]): string =>
    `${name}() {\n  case "${key}" in\n${rows.join('\n')}\n    *) return 1 ;;\n  esac\n}`;
  return `${cases('_countersign_values', '$1|$2', values)}
${cases('_countersign_words', '$1', words)}
_countersign() {
  local current="\${COMP_WORDS[COMP_CWORD]}" place='' reply='' word index=1 IFS=$' \\n'
  COMPREPLY=()
  while ((index < COMP_CWORD)); do
    word="\${COMP_WORDS[index]}"
    index=$((index + 1))
    if _countersign_values "$place" "$word"; then
      if ((index == COMP_CWORD)); then place='='; else index=$((index + 1)); fi
    elif _countersign_words "\${place:+$place }$word"; then
      place="\${place:+$place }$word"
    fi
  done
  if [[ "$place" != '=' ]]; then _countersign_words "$place"; fi
  if [[ "$reply" == */ ]]; then IFS=$'\\n' COMPREPLY=($(compgen -f -- "$current")); fi
  IFS=$' \\n' COMPREPLY+=($(compgen -W "\${reply%/}" -- "$current"))
}
complete -o filenames -F _countersign countersign
`;
}

function fishScript(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words, flags, takesFile }) => {
    const start = `complete -c countersign -n ${quote(`__countersign_at ${quote(path)}`)}`;
    const plain = takesFile ? [`${start} -F`] : [];
    const follow = words.map(({ word, help }) => `${start} -a ${quote(word)} -d ${quote(help)}`);
    const options = flags.map(({ names, help, values, takesFile: isFile }) => {
      const forms = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
      const value = values === undefined ? '' : isFile ? ' -r -F' : ` -x -a ${quote(values.join(' '))}`;
      return `${start} ${forms.join(' ')}${value} -d ${quote(help)}`;
    });
    return [...plain, ...follow, ...options];
  });
  const valued = places.flatMap(({ flags }) =>
    flags.flatMap(({ names, values }) => (values === undefined ? [] : names)),
  );
  const paths = places.map(({ path }) => path).filter((path) => path !== '');
  return `function __countersign_at
  set -l place
  set -l isValue 0
  for word in (commandline -opc)[2..-1]
    if test $isValue = 1
      set isValue 0
    else if contains -- $word ${[...new Set(valued)].join(' ')}
      set isValue 1
    else if contains -- (string join ' ' -- $place $word) ${paths.map(quote).join(' ')}
      set -a place $word
    end
  end
  test "$(string join ' ' -- $place)" = "$argv[1]"
end
complete -c countersign -f
${lines.join('\n')}
`;
}
