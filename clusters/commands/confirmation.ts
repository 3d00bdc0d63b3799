import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/** Asks a person whether to go on; whatever is not a clear yes is a no. */
export type Confirm = (question: string) => Promise<boolean>;

interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

/** undefined where nobody sits: then nobody may be asked. */
export function confirmationAt({ stdin, stderr }: Terminal): Confirm | undefined {
  if (stdin.isTTY !== true || stderr.isTTY !== true) return undefined;
  return async (question) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const lines = createInterface({ input: stdin, output: stderr });
    lines.once('line', resolve);
    // Ctrl-D and Ctrl-C are a no.
    lines.once('close', () => resolve(''));
    lines.once('SIGINT', () => lines.close());
    lines.setPrompt(`${question} [y/N] `);
    lines.prompt();
    try {
      return /^y(es)?$/i.test((await promise).trim());
    } finally {
      lines.close();
    }
  };
}
