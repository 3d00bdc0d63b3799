import { styleText } from 'node:util';
import { stringify } from 'yaml';

/** How a command's result is written: for people, or as one document for programs. */
export type OutputFormat = 'text' | 'json' | 'yaml';

/** A stream to write to, and whether a person watches it. */
export interface OutputStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface OutputStreams {
  /** The result, and nothing else. */
  readonly stdout: OutputStream;
  /** What a person may want to know on the way. */
  readonly stderr: OutputStream;
}

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow';

/** Where a command writes: its result once to stdout, all else to stderr. */
export class CommandOutput {
  readonly #format: OutputFormat;
  readonly #streams: OutputStreams;

  constructor(format: OutputFormat, streams: OutputStreams) {
    this.#format = format;
    this.#streams = streams;
  }

  get format(): OutputFormat {
    return this.#format;
  }

  /** Writes a result that is in this format already. */
  passOn(text: string): void {
    if (text !== '') this.#streams.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  /** The same for a result that comes in parts, in UTF-8. */
  passingOn(): (part: Uint8Array) => void {
    const decoder = new TextDecoder();
    return (part) => void this.#streams.stdout.write(decoder.decode(part, { stream: true }));
  }

  /** What another program said to a person beside its result. */
  remark(text: string): void {
    this.#streams.stderr.write(`${text}\n`);
  }

  /** Writes the result: `value` where a program reads it, `text` where a person does. */
  result(value: object, text: () => string): void {
    const written = this.#format === 'text' ? text() : serialize(this.#format, value);
    this.#streams.stdout.write(written.endsWith('\n') ? written : `${written}\n`);
  }

  /** Something that a person should know although the command went well. */
  warn(sentence: string): void {
    this.#streams.stderr.write(`${this.#styled('yellow', 'warning:', this.#streams.stderr)} ${sentence}\n`);
  }

  /** What to do next; only where a person watches. */
  note(sentence: string): void {
    if (this.#streams.stderr.isTTY === true) this.#streams.stderr.write(`${sentence}\n`);
  }

  /** What is being done or waited for; only where a person watches. */
  progress(doing: string): void {
    this.note(this.#styled('dim', `… ${doing}`, this.#streams.stderr));
  }

  /** For parts of a result's text. */
  style(style: Style, text: string): string {
    return this.#styled(style, text, this.#streams.stdout);
  }

  #styled(style: Style, text: string, stream: OutputStream): string {
    // NO_COLOR: https://no-color.org
    const plain = stream.isTTY !== true || (process.env.NO_COLOR ?? '') !== '';
    return plain ? text : styleText(style, text, { validateStream: false });
  }
}

function serialize(format: 'json' | 'yaml', value: object): string {
  return format === 'json' ? JSON.stringify(value, undefined, 2) : stringify(value);
}

/** Rows as columns of equal width, two spaces apart; the first row is the heading. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
