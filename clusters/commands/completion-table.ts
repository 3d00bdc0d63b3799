/** What may follow one command, as its help says it. */
export interface CompletionEntry {
  /** `cluster list`; empty for the program itself. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletionOption[];
  /** Words that its arguments may be. */
  readonly choices: readonly string[];
}

export interface CompletionOption {
  readonly names: readonly string[];
  readonly description: string;
  /** undefined = it takes none. */
  readonly value: OptionValue | undefined;
}

/** What completes an option's value. */
export type OptionValue =
  | { readonly kind: 'choices'; readonly choices: readonly string[] }
  | { readonly kind: 'context' }
  | { readonly kind: 'file' }
  | { readonly kind: 'folder' }
  /** Nobody can guess it. */
  | { readonly kind: 'text' };

/** By what an option's help calls its value, e.g. `--kubeconfig <file>`. */
export function optionValue(
  long: string,
  flags: string,
  choices: readonly string[] | undefined,
): OptionValue {
  if (choices !== undefined) return { kind: 'choices', choices };
  if (long === '--context' || long === '--with-context') return { kind: 'context' };
  if (flags.includes('<file>')) return { kind: 'file' };
  if (flags.includes('<folder>')) return { kind: 'folder' };
  return { kind: 'text' };
}
