/**
 * The scripts of shell completion: the same tables of words, in the language of each shell.
 */

/** What may follow after the words of one command. */
export interface Place {
  /** The words after the program's name, joined by a space; empty for the program itself. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly help: string }[];
  readonly flags: readonly Flag[];
  readonly takesFile: boolean;
}

export interface Flag {
  readonly names: readonly string[];
  readonly help: string;
  /** What follows it: undefined for a switch, nothing in the list where it could be anything. */
  readonly values: readonly string[] | undefined;
  readonly takesFile: boolean;
}

/** In single quotes, whatever is in it. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** In bash, a reply is the words to choose from; a slash stands for files, which is no word of ours. */
export function bashScript(places: readonly Place[]): string {
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

export function fishScript(places: readonly Place[]): string {
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
