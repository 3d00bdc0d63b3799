import type { RejectionReason } from '../../federation/model/rejections.ts';
import { FLAG, FRAME } from '../../gateway/http2/frame.ts';
import { rawBlock, rawFrame } from '../fixtures/raw-http2-peer.ts';
import type { Attack, Victim } from './attack.ts';
import { HostileSocket } from './hostile-socket.ts';
import { openHttp2, pinged } from './http2-floods.ts';

const PER_SECOND = 50;

/** HTTP/1: what follows the request line and Host, as it stands. */
function http1(name: RejectionReason, abuse: string, rest: string, method = 'POST', version = '1.1'): Attack {
  return {
    name,
    abuse,
    reasons: [name],
    perSecond: PER_SECOND,
    attempt: async (victim) => {
      const socket = HostileSocket.open(victim.port);
      await socket.send(`${method} / HTTP/${version}\r\nhost: ${victim.authority}\r\n${rest}`);
      await socket.outwait();
    },
  };
}

/** HTTP/2: what follows `:authority` and `:path` in a POST, and the frames after it on stream 1. */
function http2(
  name: string,
  reason: RejectionReason,
  abuse: string,
  fields: readonly string[],
  after: readonly Buffer[] = [],
): Attack {
  return {
    name,
    abuse,
    reasons: [reason],
    perSecond: PER_SECOND,
    attempt: async (victim) => {
      const socket = await openHttp2(victim);
      const block = rawBlock([...post(victim), ...fields]);
      await socket.send(Buffer.concat([rawFrame(FRAME.HEADERS, FLAG.END_HEADERS, 1, block), ...after]));
      await pinged(socket);
    },
  };
}

function post({ authority }: Victim): string[] {
  return [':method', 'POST', ':scheme', 'http', ':authority', authority, ':path', '/'];
}

export const MALFORMED_MESSAGES: readonly Attack[] = [
  http1(
    'content-length-with-transfer-encoding',
    'both framings (request smuggling)',
    'content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET',
  ),
  http1(
    'transfer-encoding-invalid',
    'a coding that does not end in chunked',
    'transfer-encoding: gzip\r\n\r\n',
  ),
  http1(
    'transfer-encoding-in-1.0',
    'chunked in HTTP/1.0',
    'transfer-encoding: chunked\r\n\r\n',
    'POST',
    '1.0',
  ),
  http1('folded-line', 'obs-fold', 'x: a\r\n b\r\n\r\n', 'GET'),
  http1('bare-lf', 'a line that ends without CR', 'x: a\n\n', 'GET'),
  http1('chunk-size', 'a bad chunk size', 'transfer-encoding: chunked\r\n\r\n0x4\r\nbody\r\n0\r\n\r\n'),
  http1('content-length-twice', 'two lengths', 'content-length: 4\r\ncontent-length: 5\r\n\r\nbody'),
  http2('te-field', 'te-field', 'TE in HTTP/2', ['te', 'gzip']),
  http2('connection-field', 'connection-field', 'Connection in HTTP/2', ['connection', 'close']),
  http2('late-pseudo-header', 'pseudo-header-late', 'a pseudo-header field after others', [
    'x',
    'y',
    ':path',
    '/',
  ]),
  http2('double-pseudo-header', 'pseudo-header-twice', 'a pseudo-header field twice', [':path', '/']),
  http2('line-break-in-value', 'invalid-field', 'CR LF in a value', ['x', 'a\r\nb: c']),
  http2('other-host', 'authority-host-mismatch', 'Host other than :authority', ['host', 'other.example']),
  http2(
    'too-much-data',
    'content-length-mismatch',
    'more DATA than content-length',
    ['content-length', '2'],
    [rawFrame(FRAME.DATA, FLAG.END_STREAM, 1, 'more')],
  ),
];
