/**
 * Shell completion, from the command tree itself: a script that knows commands, options and choices, and asks nobody anything.
 * Libraries for this start the program at every press of the key; a list in the shell answers at once.
 */
import type { Command, Option } from 'commander';
import { bashScript, type Flag, fishScript, type Place } from './completion-scripts.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

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
