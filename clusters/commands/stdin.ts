import { usageError } from './usage-error.ts';

/** Larger than any token, and than any password. */
const MAX_STDIN_BYTES = 1024 * 1024;

/** All of stdin. @param what is expected there, for the message @throws UserError with exit code 2 when it is too much */
export async function readStdin(stdin: AsyncIterable<Uint8Array>, what: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    bytes += chunk.length;
    if (bytes > MAX_STDIN_BYTES) throw usageError(`stdin holds more than ${what}`, `give ${what} alone`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
