const MAX_NAMED = 20;

/** The names in a sentence; of many the first twenty, and how many more there are. */
export function nameSome(names: readonly string[]): string {
  const more = names.length > MAX_NAMED ? `, and ${names.length - MAX_NAMED} more` : '';
  return `${names.slice(0, MAX_NAMED).join(', ')}${more}`;
}
