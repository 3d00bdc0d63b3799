/** One bar: a value and the least and most of it. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly least: number;
  readonly most: number;
  readonly colour: string;
}

export interface BarChart {
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 640;
const LEFT = 120;
const RIGHT = 130;
const TOP = 44;
const ROW = 30;
const BAR = 18;

/** Horizontal bars from zero, each with a line over its range. */
export function barChart({ title, unit, bars }: BarChart): string {
  const height = TOP + bars.length * ROW + 10;
  const most = Math.max(...bars.map((bar) => bar.most), Number.MIN_VALUE);
  const scale = (value: number): number => round((value / most) * (WIDTH - LEFT - RIGHT));
  const rows = bars.map((bar, index) => row(bar, TOP + index * ROW, scale));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" ` +
      'font-family="sans-serif" font-size="13">',
    `<title>${escaped(`${title} (${unit})`)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(12, 24, `${title} (${unit})`, 'start', 'bold'),
    ...rows.flat(),
    '</svg>',
    '',
  ].join('\n');
}

function row(bar: Bar, y: number, scale: (value: number) => number): string[] {
  const middle = y + BAR / 2;
  const from = LEFT + scale(bar.least);
  const to = LEFT + scale(bar.most);
  return [
    text(LEFT - 8, middle + 4, bar.label, 'end'),
    `<rect x="${LEFT}" y="${y}" width="${scale(bar.value)}" height="${BAR}" fill="${bar.colour}"/>`,
    `<path d="M${from} ${middle}H${to}M${from} ${middle - 4}v8M${to} ${middle - 4}v8" stroke="#333333" fill="none"/>`,
    text(to + 8, middle + 4, shown(bar.value), 'start'),
  ];
}

/** Three significant digits, with thousands apart. */
export function shown(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function text(x: number, y: number, content: string, anchor: 'start' | 'end', weight = 'normal'): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-weight="${weight}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
