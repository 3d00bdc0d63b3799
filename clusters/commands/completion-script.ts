import type { CompletionEntry, CompletionOption, OptionValue } from './completion-table.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

/** A shell's own code that completes the commands of a table. Only contexts are looked up when it runs. */
export function completionScript(shell: Shell, entries: readonly CompletionEntry[]): string {
  switch (shell) {
    case 'bash':
      return bash(entries);
    case 'zsh':
      // zsh runs completions of bash; one text for both cannot differ between them.
      return `#compdef isthmus\nautoload -U +X bashcompinit && bashcompinit\n${bash(entries)}`;
    case 'fish':
      return fish(entries);
  }
}

const CONTEXTS = 'kubectl config get-contexts --output=name 2>/dev/null';

function bash(entries: readonly CompletionEntry[]): string {
  const steps = entries
    .filter(({ path }) => path !== '')
    .map(({ path }) => `'${path}'`)
    .join('|');
  return `_isthmus() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" at='' next i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${at:+$at }\${COMP_WORDS[i]}"
    case "$next" in
      ${steps}) at="$next" ;;
    esac
  done
  case "$at|$previous" in
${entries.flatMap(bashValues).join('\n')}
  esac
  case "$at" in
${entries.map(bashWords).join('\n')}
  esac
}
complete -F _isthmus isthmus
`;
}

function bashValues({ path, options }: CompletionEntry): readonly string[] {
  return options.flatMap(({ names, value }) => {
    if (value === undefined) return [];
    const on = names.map((name) => `'${path}|${name}'`).join('|');
    return [`    ${on}) ${bashReply(value)}return ;;`];
  });
}

function bashReply(value: OptionValue): string {
  const reply = (how: string): string => `COMPREPLY=($(compgen ${how} -- "$current")); `;
  switch (value.kind) {
    case 'choices':
      return reply(`-W '${value.choices.join(' ')}'`);
    case 'context':
      return reply(`-W "$(${CONTEXTS})"`);
    case 'file':
      return reply('-f');
    case 'folder':
      return reply('-d');
    case 'text':
      return '';
  }
}

function bashWords({ path, commands, options, choices }: CompletionEntry): string {
  const words = [...commands.map(({ name }) => name), ...choices, ...options.flatMap(({ names }) => names)];
  return `    '${path}') COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$current")) ;;`;
}

function fish(entries: readonly CompletionEntry[]): string {
  const paths = entries.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  return `function __isthmus_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim -- "$at $word")
    contains -- $next ${paths.join(' ')}; and set at $next
  end
  test "$at" = "$argv[1]"
end
complete -c isthmus -e
complete -c isthmus -f
${entries.flatMap(fishLines).join('\n')}
`;
}

function fishLines({ path, commands, options, choices }: CompletionEntry): readonly string[] {
  const begin = `complete -c isthmus -n '__isthmus_at "${path}"'`;
  return [
    ...commands.map(({ name, description }) => `${begin} -a ${name} -d ${quoted(description)}`),
    ...choices.map((choice) => `${begin} -a ${choice}`),
    ...options.map(
      (option) => `${begin} ${fishNames(option)}${fishValue(option)} -d ${quoted(option.description)}`,
    ),
  ];
}

function fishNames({ names }: CompletionOption): string {
  return names
    .map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`))
    .join(' ');
}

function fishValue({ value }: CompletionOption): string {
  switch (value?.kind) {
    case undefined:
      return '';
    case 'choices':
      return ` -x -a '${value.choices.join(' ')}'`;
    case 'context':
      return ` -x -a '(${CONTEXTS})'`;
    case 'file':
    case 'folder':
      return ' -r -F';
    case 'text':
      return ' -x';
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
