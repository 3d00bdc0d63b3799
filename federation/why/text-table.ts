/** One cell: its text, and how it is shown where there is colour. */
export interface Cell {
  readonly text: string;
  readonly style?: (text: string) => string;
  /** Numbers stand at the right. */
  readonly right?: boolean;
}

/** Lines of columns of equal width, two spaces apart. Styles do not count for the width. */
export function textTable(rows: readonly (readonly Cell[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.text.length);
  }
  return rows.map((row) => {
    // Nothing after the last word of a line: it would wrap for blanks.
    const end = row.findLastIndex((cell) => cell.text !== '') + 1;
    const cells = row.slice(0, end).map(({ text, style, right }, index) => {
      const padding = ' '.repeat((widths[index] ?? 0) - text.length);
      const styled = style === undefined ? text : style(text);
      if (right) return padding + styled;
      return index === end - 1 ? styled : styled + padding;
    });
    return cells.join('  ');
  });
}
