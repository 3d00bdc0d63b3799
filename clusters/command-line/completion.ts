import { Argument, type Command } from 'commander';
import { completionScript, type Shell } from '../commands/completion-script.ts';
import { type CompletionEntry, optionValue } from '../commands/completion-table.ts';

/** `isthmus completion SHELL`: of the whole program, which has to have all its commands by then. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print what completes commands, options and contexts in a shell')
    .addArgument(new Argument('<shell>', 'which one').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', EXAMPLES)
    .action((shell: Shell) => {
      process.stdout.write(completionScript(shell, entriesOf(program, '')));
    });
}

const EXAMPLES = `
Examples:
  source <(isthmus completion bash)
  isthmus completion bash > /etc/bash_completion.d/isthmus
  source <(isthmus completion zsh)
  isthmus completion fish > ~/.config/fish/completions/isthmus.fish`;

function entriesOf(command: Command, path: string): readonly CompletionEntry[] {
  const entry: CompletionEntry = {
    path,
    commands: command.commands.map((child) => ({ name: child.name(), description: child.description() })),
    options: [
      ...command.options
        .filter(({ hidden }) => !hidden)
        .map((option) => ({
          names: [option.long, option.short].filter((name) => name !== undefined && name !== null),
          description: option.description,
          value:
            option.required || option.optional
              ? optionValue(option.long ?? '', option.flags, option.argChoices)
              : undefined,
        })),
      { names: ['--help', '-h'], description: 'display help for command', value: undefined },
    ],
    choices: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  };
  const children = command.commands.flatMap((child) =>
    entriesOf(child, path === '' ? child.name() : `${path} ${child.name()}`),
  );
  return [entry, ...children];
}
