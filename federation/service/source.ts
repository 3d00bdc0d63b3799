const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * What counts as one source: an IPv4 address, or the /64 that an IPv6 address is in, for whoever has one address of
 * it has all of them (RFC 6177 section 2: a site gets a /64 or more).
 * @param remoteAddress as sockets have it: IPv6 compressed, perhaps with a zone; IPv4 perhaps mapped into IPv6
 */
export function sourceOf(remoteAddress: string): string {
  const mapped = MAPPED.exec(remoteAddress)?.[1];
  if (mapped !== undefined) return mapped;
  if (!remoteAddress.includes(':')) return remoteAddress;
  const [address = ''] = remoteAddress.split('%');
  return `${upperHalf(address)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

/** Its first four groups. */
function upperHalf(address: string): readonly string[] {
  const [before = '', after] = address.split('::');
  const first = before === '' ? [] : before.split(':');
  if (after === undefined) return first.slice(0, 4);
  const last = after === '' ? [] : after.split(':');
  // An IPv4 address at the end stands for two groups.
  const lastGroups = last.length + (after.includes('.') ? 1 : 0);
  const zeros = Array<string>(Math.max(0, 8 - first.length - lastGroups)).fill('0');
  return [...first, ...zeros, ...last].slice(0, 4);
}
