import type { Random } from '../random.ts';

/** A request as text that is still easy to break; lines have their line breaks. */
export interface Draft {
  prefix: string;
  requestLine: string;
  fields: string[];
  /** The empty line that ends the head. */
  headEnd: string;
  body: string;
  readonly id: number;
  readonly host: string;
}

const CRLF = '\r\n';
const BREAKS = ['\n', '\r', '\r\r\n', '\n\r', '\r\n\n', '\0\r\n', ' \r\n'];

export function textOf(draft: Draft): string {
  return draft.prefix + draft.requestLine + draft.fields.join('') + draft.headEnd + draft.body;
}

/** What an attacker hopes that some hop takes for a request of its own. */
export function smuggled(id: number, host: string): string {
  return `GET /smuggled/${id} HTTP/1.1\r\nHost: ${host}\r\nX-Mutant: ${id}\r\n\r\n`;
}

/** A good request, with one of the three kinds of body. */
export function goodRequest(random: Random, id: number, host: string): Draft {
  const kind = random.pick(['none', 'length', 'chunked'] as const);
  const draft: Draft = {
    prefix: '',
    requestLine: `${kind === 'none' ? 'GET' : 'POST'} /m/${id}/${random.below(100)} HTTP/1.1${CRLF}`,
    fields: [`Host: ${host}${CRLF}`, `X-Mutant: ${id}${CRLF}`],
    headEnd: CRLF,
    body: '',
    id,
    host,
  };
  const text = random.pick(['', 'hello', 'a=b&c=d', smuggled(id, host)]);
  if (kind === 'length') {
    draft.fields.push(`Content-Length: ${text.length}${CRLF}`);
    draft.body = text;
  } else if (kind === 'chunked') {
    draft.fields.push(`Transfer-Encoding: chunked${CRLF}`);
    draft.body = chunked(text, random);
  }
  return draft;
}

function chunked(text: string, random: Random): string {
  const cut = random.below(text.length + 1);
  const chunks = [text.slice(0, cut), text.slice(cut)].filter((chunk) => chunk !== '');
  const trailers = random.pick(['', '', 'X-Sum: 1\r\n']);
  return `${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n${trailers}\r\n`;
}

type Mutation = (draft: Draft, random: Random) => void;

/** Adds one of these lines at any place of the head, or puts it in place of the field that it is about. */
function line(about: RegExp, choices: readonly string[]): Mutation {
  return (draft, random) => {
    const choice = random.pick(choices).replaceAll('HOST', draft.host) + CRLF;
    const at = draft.fields.findIndex((field) => about.test(field));
    if (at >= 0 && random.once(2)) draft.fields[at] = choice;
    else draft.fields.splice(random.below(draft.fields.length + 1), 0, choice);
  };
}

const CODINGS = [
  ...[
    'chunked',
    'cHuNkEd',
    'xchunked',
    '"chunked"',
    'chunked, identity',
    'identity, chunked',
    'gzip, chunked',
  ],
  ...[
    'chunked, chunked',
    'identity',
    '',
    'chunked;q=1',
    '\tchunked',
    '\x0bchunked',
    'chunked\x00',
    ',chunked',
  ],
].map((value) => `Transfer-Encoding: ${value}`);
const ODD_CODINGS = [
  ...[' Transfer-Encoding: chunked', 'Transfer-Encoding : chunked', 'Transfer_Encoding: chunked'],
  ...['Transfer-Encoding:chunked', 'Transfer-Encoding\0: chunked', 'Transfer-Encoding\r\n : chunked'],
  ...[
    'Transfer-Encoding:\r\n chunked',
    'X: y\nTransfer-Encoding: chunked',
    'X: y\rTransfer-Encoding: chunked',
  ],
  ...[
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    'Transfer-Encoding: identity\r\nTE: chunked',
  ],
];
const LENGTHS = [
  ...[
    '0',
    '5',
    '05',
    '000',
    '+5',
    '-1',
    '0x5',
    '5 5',
    '5,5',
    '5, 6',
    '',
    '5.0',
    '1e1',
    '５',
    '99999999999999999999',
  ],
  ...['5\t', ' 5', '5;', '"5"', '4294967301', '18446744073709551621'],
].map((value) => `Content-Length: ${value}`);
const ODD_LENGTHS = [
  ...[
    'Content-Length : 5',
    ' Content-Length: 5',
    'Content-Length:\r\n 5',
    'Content_Length: 5',
    'content-length: 3',
  ],
  ...[
    'Content-Length: 5\r\nContent-Length: 5',
    'Content-Length: 0\r\nContent-Length: 44',
    'X: y\nContent-Length: 3',
  ],
];
const NAMES = [
  ...['X A: b', 'X\tA: b', 'X(A): b', 'X\0A: b', 'X\xe9: b', ': b', 'X-A', 'X-A b', 'X@: b', 'x_under: b'],
  ...[
    'X-A : b',
    'X-A\x0b: b',
    '\tX-A: b',
    ' X-A: b',
    'x-A: \x01',
    'X-A: b\x7f',
    'X-A: \xff\xfe',
    'X-A:',
    'X-A: b\0c',
  ],
];
const HOSTS = [
  ...[
    'Host: HOST',
    'host: HOST',
    'Host: other.example',
    'Host: HOST:80',
    'Host: HOST/x',
    'Host: a@HOST',
    'Host:',
  ],
  ...['Host : HOST', ' Host: HOST', 'Host: HOST, other.example', 'Host: [::1', 'Host: HOST\r\nHost: HOST'],
];
const CONNECTIONS = [
  ...[
    'close',
    'keep-alive',
    'content-length',
    'transfer-encoding',
    'host',
    'te',
    'x-a, close',
    'keep-alive, x-a',
  ],
  ...[':path', 'upgrade', 'close, content-length, transfer-encoding', '"close"', ',,', 'Close', 'trailer'],
].map((value) => `Connection: ${value}`);
const HOP_BY_HOP = [
  ...['Upgrade: h2c\r\nConnection: upgrade, http2-settings\r\nHTTP2-Settings: AAMAAABk', 'Upgrade: other/1'],
  ...['Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='],
  ...[
    'Expect: 100-continue',
    'Expect: 100-Continue',
    'Expect: 200-ok',
    'TE: trailers',
    'TE: chunked',
    'TE: gzip',
  ],
  ...[
    'Trailer: X-Sum',
    'Keep-Alive: timeout=1',
    'Proxy-Connection: close',
    'Max-Forwards: 0',
    'Trailer: Host',
  ],
];
const METHODS = [
  'get',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PATCH',
  'DELETE',
  'PRI',
  "X!#$%&'*+-.^_`|~",
  'G\0T',
  'G T',
  '',
];
const VERSIONS = [
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/1.2',
  'HTTP/2.0',
  'http/1.1',
  'HTTP/1.1 ',
  'HTTP/01.1',
  'HTTP/1.1\t',
  '',
];
const SUFFIXES = [
  ...[
    '%2f',
    '%2e%2e/x',
    '/../y',
    '//z',
    '\\w',
    '#f',
    '?q=1 2',
    '%00',
    '%0d%0a',
    '%',
    '\xe9',
    ';p=1',
    '?a//b',
    '/./',
  ],
  ...['\t', '%5c..%5c', '?%2f', '{}', '|', '"', '/..', '~', '/%2e', '?#'],
];

/** The mutation grammar: one function for each family, in the order of the README. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'transfer-encoding': line(/^transfer-encoding:/i, CODINGS),
  'transfer-encoding, odd': line(/^transfer-encoding:/i, ODD_CODINGS),
  'content-length': line(/^content-length:/i, LENGTHS),
  'content-length, odd': line(/^content-length:/i, ODD_LENGTHS),
  'chunk size': (draft, random) => {
    draft.body = draft.body.replace(/^[0-9a-f]+\r\n/, (size) => oddChunkSize(size.trim(), random));
  },
  'chunk end': (draft, random) => {
    draft.body = draft.body.replace(
      /\r\n0\r\n/,
      `${random.pick(['', '\n', '\r', 'x\r\n', '\r\n\r\n'])}0\r\n`,
    );
  },
  trailers: (draft, random) => {
    const trailer = random.pick([
      'Host: b',
      'Content-Length: 3',
      'X: y\n',
      ' X: y',
      'X : y',
      'Transfer-Encoding: x',
      'A: b',
    ]);
    draft.body = draft.body.replace(/\r\n0\r\n/, `\r\n0\r\n${trailer}\r\n`);
  },
  'line break': (draft, random) => {
    const lines = [draft.requestLine, ...draft.fields, draft.headEnd];
    const at = random.below(lines.length);
    lines[at] = (lines[at] ?? '').replace(/\r\n$/, random.pick(BREAKS));
    [draft.requestLine, draft.headEnd] = [lines[0] ?? '', lines.at(-1) ?? ''];
    draft.fields = lines.slice(1, -1);
  },
  'obs-fold': (draft, random) => {
    const at = random.below(draft.fields.length);
    draft.fields[at] =
      `${draft.fields[at]}${random.pick([' ', '\t'])}${random.pick(['folded', 'chunked', 'X: y', ''])}\r\n`;
  },
  'field name or value': line(/^x-a:/i, NAMES),
  host: line(/^host:/i, HOSTS),
  connection: line(/^connection:/i, CONNECTIONS),
  'hop by hop': line(/^upgrade:/i, HOP_BY_HOP),
  method: (draft, random) => {
    draft.requestLine = draft.requestLine.replace(/^[A-Z]+/, random.pick(METHODS));
  },
  version: (draft, random) => {
    draft.requestLine = draft.requestLine.replace('HTTP/1.1', random.pick(VERSIONS));
  },
  path: (draft, random) => {
    draft.requestLine = draft.requestLine.replace(' HTTP', `${random.pick(SUFFIXES)} HTTP`);
  },
  'absolute form': (draft, random) => {
    const origin = random.pick([
      'http://HOST',
      'https://HOST',
      'http://other.example',
      'http://a@HOST',
      'ftp://HOST',
      '//HOST',
    ]);
    draft.requestLine = draft.requestLine.replace(' /', ` ${origin.replace('HOST', draft.host)}/`);
  },
  asterisk: (draft) => {
    draft.requestLine = draft.requestLine.replace(/^[A-Z]+ [^ ]+/, 'OPTIONS *');
  },
  'long line': (draft, random) => {
    draft.fields.push(`X-Long: ${'l'.repeat(random.pick([8_000, 16_500, 61_500]))}${CRLF}`);
  },
  'many fields': (draft, random) => {
    for (let count = random.pick([90, 110]); count > 0; count--) draft.fields.push(`X-Many: y${CRLF}`);
  },
  'name case': (draft, random) => {
    const change = random.once(2)
      ? (text: string) => text.toUpperCase()
      : (text: string) => text.toLowerCase();
    draft.fields = draft.fields.map((field) => field.replace(/^[^:]+/, change));
  },
  prefix: (draft, random) => {
    draft.prefix = random.pick(['\r\n', '\r\n\r\n', '\r\n\r\n\r\n', '\n', '\r', ' ', '\0', '\xef\xbb\xbf']);
  },
  'bytes after': (draft) => {
    draft.body += smuggled(draft.id, draft.host);
  },
  'one byte': (draft, random) => {
    const at = random.below(draft.fields.length);
    const field = draft.fields[at] ?? '';
    // By that one the logs are told apart.
    if (field.startsWith('X-Mutant')) return;
    const byte = random.pick(['\0', '\r', '\n', ' ', '\t', '\x7f', '\x85', '\xa0', ':', ';', ',', '']);
    const position = random.below(field.length);
    draft.fields[at] = field.slice(0, position) + byte + field.slice(position + random.below(2));
  },
};

function oddChunkSize(size: string, random: Random): string {
  const odd = random.pick([
    ...[
      `0${size}`,
      `0x${size}`,
      `+${size}`,
      `-${size}`,
      ` ${size}`,
      `${size} `,
      `${size};a=b`,
      `${size};a="\n"`,
    ],
    ...[
      `${size};`,
      `${size}\t;x`,
      `1${'0'.repeat(16)}`,
      '',
      'g',
      `${size}_`,
      size.toUpperCase(),
      `${size}\n`,
      `${size};\r`,
    ],
    ...[`000000000000000${size}`, `${size};${'e'.repeat(300)}`, 'ffffffffffffffff', '0'],
  ]);
  return `${odd}\r\n`;
}
