/**
 * `countersign completion`: prints a script for the shell to read once at its start.
 */
import { Argument, type Command } from 'commander';
import { completionScript, SHELLS, type Shell } from '../completion.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { show } from '../output.ts';
import { readSettings } from '../settings.ts';

/** @param program with all other commands already on it or yet to come: the script is made when it is asked for. */
export function addCompletionCommand(program: Command, io: Io): void {
  program
    .command('completion')
    .description('print a script that completes commands and options at the press of Tab')
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .addHelpText(
      'after',
      examples(
        'completion bash > ~/.local/share/bash-completion/completions/countersign',
        'completion zsh > ~/.zfunc/_countersign   # with fpath+=~/.zfunc before compinit in ~/.zshrc',
        'completion fish > ~/.config/fish/completions/countersign.fish',
      ),
    )
    .action((shell: Shell, _options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const script = completionScript(program, shell);
      show(io, settings.json, { shell, script }, () => script.trimEnd());
    });
}
