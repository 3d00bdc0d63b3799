import type { Random } from './random.ts';
import { makeMutant } from './smuggling/mutants.ts';

/** What a client may send: the mutants of the smuggling grammar, and what no grammar has. */
export function http1Requests(seed: number, random: Random): Buffer {
  const { text } = makeMutant(1, seed, 'a.example');
  return mutateBytes(Buffer.from(text, 'latin1'), random);
}

const STATUS_LINES = [
  ...[
    'HTTP/1.1 200 OK',
    'HTTP/1.1 204 No Content',
    'HTTP/1.1 304 Not Modified',
    'HTTP/1.0 200',
    'HTTP/1.1 200',
  ],
  ...[
    'HTTP/1.1 100 Continue',
    'HTTP/1.1 103 Early Hints',
    'HTTP/1.1 101 Switching Protocols',
    'HTTP/1.1 999 X',
  ],
  ...['HTTP/2 200 OK', 'HTTP/1.1  200 OK', 'ICY 200 OK', 'HTTP/1.1 200 \x01', 'HTTP/1.1 407 Nope'],
];
const FIELDS = [
  ...[
    'Content-Length: 5',
    'Content-Length: 0',
    'Content-Length: 05',
    'Content-Length: -1',
    'Content-Length: 5, 5',
  ],
  ...['Transfer-Encoding: chunked', 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding : chunked'],
  ...['Connection: close', 'Connection: keep-alive', 'Connection: upgrade', 'Upgrade: websocket', 'X-A: b'],
  ...[' folded', 'X-A', ': b', 'X A: b', 'Keep-Alive: timeout=1', 'Trailer: x-sum', 'Set-Cookie: a=b'],
  ...['Sec-WebSocket-Accept: AAAA', 'X-A: \xff', 'X-A: b\0'],
];
const BODIES = [
  ...[
    '',
    'hello',
    '5\r\nhello\r\n0\r\n\r\n',
    '5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n',
    '0\r\n\r\n',
    '5;x=1\r\nhello\r\n',
  ],
  ...['ffffffffffff\r\n', '5\nhello\n0\n\n', 'hello, and more than that', '\r\n'],
];

/** What a server may send: responses behind each other. */
export function http1Responses(random: Random): Buffer {
  let text = '';
  for (let count = 1 + random.below(3); count > 0; count--) {
    text += `${random.once(3) ? random.pick(STATUS_LINES) : 'HTTP/1.1 200 OK'}\r\n`;
    for (let fields = random.below(4); fields > 0; fields--) text += `${random.pick(FIELDS)}\r\n`;
    text += `\r\n${random.pick(BODIES)}`;
  }
  return mutateBytes(Buffer.from(text, 'latin1'), random);
}

/** In one of three cases a few bytes are changed, doubled or dropped. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  if (!random.once(3)) return bytes;
  let mutated = bytes;
  for (let count = 1 + random.below(3); count > 0 && mutated.length > 0; count--) {
    const at = random.below(mutated.length);
    const [before, after] = [mutated.subarray(0, at), mutated.subarray(at)];
    const byte = Buffer.from([random.below(256)]);
    const way = random.below(4);
    if (way === 0) mutated = Buffer.concat([before, byte, after]);
    else if (way === 1) mutated = Buffer.concat([before, byte, after.subarray(1)]);
    else if (way === 2) mutated = Buffer.concat([before, after.subarray(1 + random.below(5))]);
    else mutated = Buffer.concat([before, after.subarray(0, random.below(20)), after]);
  }
  return mutated;
}
