import { connect as connectTls } from 'node:tls';
import { FLAG, FRAME, PREFACE } from '../../gateway/http2/frame.ts';
import { SETTING } from '../../gateway/http2/settings.ts';
import { rawFrame, rawSettings } from '../fixtures/raw-http2-peer.ts';
import type { Attack, Victim } from './attack.ts';
import { HostileSocket } from './hostile-socket.ts';
import { openHttp2, requestBlock, UNKNOWN_AUTHORITY } from './http2-floods.ts';

const TRICKLE_MS = 150;
const SHUT = Buffer.concat([
  PREFACE,
  rawSettings([[SETTING.INITIAL_WINDOW_SIZE, 0]]),
  rawFrame(FRAME.SETTINGS, FLAG.ACK, 0),
]);
/** The beginning of a TLS record with a ClientHello that is longer than what follows. */
const CLIENT_HELLO = `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'r'.repeat(300)}`;

function head(victim: Victim, line: string): string {
  return `${line} HTTP/1.1\r\nhost: ${victim.authority}\r\n`;
}

/** Requests `/big` on as many streams as it may, with windows that stay shut. */
async function stallWindows(victim: Victim): Promise<void> {
  const socket = await openHttp2(victim, SHUT);
  const block = requestBlock(victim.authority, 'GET', '/big');
  for (let streamId = 1; streamId < 200; streamId += 2) {
    if (!(await socket.send(rawFrame(FRAME.HEADERS, FLAG.END_STREAM | FLAG.END_HEADERS, streamId, block))))
      break;
  }
  // A stream that was given up is told so.
  await socket.until('\x00\x00\x04\x03');
}

export const SLOW_ATTACKS: readonly Attack[] = [
  {
    name: 'slow-tls',
    abuse: 'a TLS handshake, byte by byte',
    reasons: ['tls-handshake-timeout'],
    perSecond: 20,
    attempt: (victim) => HostileSocket.open(victim.port).trickle(CLIENT_HELLO, TRICKLE_MS),
  },
  {
    name: 'slow-first-bytes',
    abuse: 'a connection that says nothing',
    reasons: ['header-timeout'],
    perSecond: 20,
    attempt: (victim) => HostileSocket.open(victim.port).outwait(),
  },
  {
    name: 'slow-head',
    abuse: 'the head of an HTTP/1 request, byte by byte',
    reasons: ['header-timeout'],
    perSecond: 20,
    attempt: (victim) =>
      HostileSocket.open(victim.port).trickle(`${head(victim, 'GET /')}x: ${'y'.repeat(10_000)}`, TRICKLE_MS),
  },
  {
    name: 'half-heads',
    abuse: 'many heads of nearly the largest size, without their ends',
    reasons: ['header-timeout', 'held-bytes-exhausted'],
    perSecond: 100,
    attempt: async (victim) => {
      const socket = HostileSocket.open(victim.port);
      await socket.send(`${head(victim, 'GET /')}x: ${'y'.repeat(59_000)}`);
      await socket.outwait();
    },
  },
  {
    name: 'slow-block',
    abuse: 'an HTTP/2 header block without its end',
    reasons: ['header-timeout'],
    perSecond: 20,
    attempt: async (victim) => {
      const socket = await openHttp2(victim);
      await socket.send(rawFrame(FRAME.HEADERS, 0, 1, requestBlock(victim.authority)));
      await socket.outwait();
    },
  },
  {
    name: 'slow-settings',
    abuse: 'HTTP/2 without an answer to our SETTINGS',
    reasons: ['settings-timeout'],
    perSecond: 20,
    attempt: async (victim) => (await openHttp2(victim, Buffer.concat([PREFACE, rawSettings([])]))).outwait(),
  },
  {
    name: 'slow-body',
    abuse: 'a request body that stands still',
    reasons: ['body-timeout'],
    perSecond: 20,
    attempt: async (victim) => {
      const socket = HostileSocket.open(victim.port);
      await socket.send(`${head(victim, 'POST /')}content-length: 1000\r\n\r\nsome`);
      await socket.outwait();
    },
  },
  {
    name: 'endless-body-http1',
    abuse: 'a body in HTTP/1 that goes on and on after the answer to its request',
    reasons: ['unwanted-body'],
    perSecond: 2,
    attempt: async (victim) => {
      const socket = HostileSocket.open(victim.port);
      await socket.send(
        `POST / HTTP/1.1\r\nhost: ${UNKNOWN_AUTHORITY}\r\ntransfer-encoding: chunked\r\n\r\n`,
      );
      await socket.press(Buffer.from(`10000\r\n${'x'.repeat(0x10000)}\r\n`));
    },
  },
  {
    name: 'slow-reader',
    abuse: 'a large response in HTTP/1 that nobody reads',
    reasons: ['flush-timeout', 'held-bytes-exhausted'],
    perSecond: 10,
    attempt: async (victim) => {
      await HostileSocket.open(victim.port).unread(`${head(victim, 'GET /big')}\r\n`);
    },
  },
  {
    name: 'window-stall',
    abuse: 'large responses in HTTP/2 whose windows stay shut',
    reasons: ['flush-timeout', 'held-bytes-exhausted'],
    perSecond: 2,
    attempt: stallWindows,
  },
  {
    name: 'sni-mismatch',
    abuse: 'a TLS connection for one name that asks for another',
    reasons: ['misdirected'],
    perSecond: 10,
    attempt: async (victim) => {
      const socket = new HostileSocket(
        connectTls({
          port: victim.port,
          host: '127.0.0.1',
          servername: 'other.example',
          ALPNProtocols: ['http/1.1'],
          ca: victim.rootPem,
          cert: victim.certificateChainPem,
          key: victim.privateKeyPem,
          checkServerIdentity: () => undefined,
        }),
      );
      await socket.send(`${head(victim, 'GET /')}\r\n`);
      await socket.until(' 421 ');
    },
  },
];
