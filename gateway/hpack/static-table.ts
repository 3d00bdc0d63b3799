/** The static table of RFC 7541 appendix A: name and value, by index from 1. */
// biome-ignore format: the table's own order, several rows to a line
const ROWS = [
  ':authority', '', ':method', 'GET', ':method', 'POST', ':path', '/', ':path', '/index.html', ':scheme', 'http',
  ':scheme', 'https', ':status', '200', ':status', '204', ':status', '206', ':status', '304', ':status', '400',
  ':status', '404', ':status', '500', 'accept-charset', '', 'accept-encoding', 'gzip, deflate',
  'accept-language', '', 'accept-ranges', '', 'accept', '', 'access-control-allow-origin', '', 'age', '',
  'allow', '', 'authorization', '', 'cache-control', '', 'content-disposition', '', 'content-encoding', '',
  'content-language', '', 'content-length', '', 'content-location', '', 'content-range', '', 'content-type', '',
  'cookie', '', 'date', '', 'etag', '', 'expect', '', 'expires', '', 'from', '', 'host', '', 'if-match', '',
  'if-modified-since', '', 'if-none-match', '', 'if-range', '', 'if-unmodified-since', '', 'last-modified', '',
  'link', '', 'location', '', 'max-forwards', '', 'proxy-authenticate', '', 'proxy-authorization', '',
  'range', '', 'referer', '', 'refresh', '', 'retry-after', '', 'server', '', 'set-cookie', '',
  'strict-transport-security', '', 'transfer-encoding', '', 'user-agent', '', 'vary', '', 'via', '',
  'www-authenticate', '',
];

export const STATIC_ENTRIES = 61;

/** Names and values by index; index 0 is not used. */
export const STATIC_NAMES: readonly string[] = ['', ...ROWS.filter((_, index) => index % 2 === 0)];
export const STATIC_VALUES: readonly string[] = ['', ...ROWS.filter((_, index) => index % 2 === 1)];

/** What counts for one entry beside its name and value (RFC 7541 section 4.1). */
export const ENTRY_OVERHEAD_BYTES = 32;
