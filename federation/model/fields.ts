/** A JSON object whose fields are not checked yet. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A JSON list of objects, each read by hand.
 * @param read undefined for one that is not as it expects: then so is the list
 */
export function fieldsList<T>(
  value: unknown,
  max: number,
  read: (item: Fields) => T | undefined,
): T[] | undefined {
  if (!Array.isArray(value) || value.length > max) return undefined;
  const items: T[] = [];
  for (const given of value) {
    const item = isFields(given) ? read(given) : undefined;
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}
