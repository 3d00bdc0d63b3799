import type { Attack } from './attack.ts';
import { HostileSocket } from './hostile-socket.ts';

/** Of one attempt: together they hold more than a small pool has, and each less than its share. */
const CONNECTIONS = 64;
const PIECE = Buffer.alloc(64 * 1024, 'w');

/**
 * Until the gateway ends one of them: then there is memory again, and the others may stay. They go with a reset, for an
 * opaque connection whose client only ends its own direction goes on.
 */
async function many(port: number, attempt: (socket: HostileSocket) => Promise<void>): Promise<void> {
  const sockets = Array.from({ length: CONNECTIONS }, () => HostileSocket.open(port));
  const attempts = sockets.map(attempt);
  await Promise.race(attempts);
  for (const { socket } of sockets) socket.resetAndDestroy();
  await Promise.all(attempts);
}

/** A ClientHello (RFC 8446 section 4.1.2) that names a server, and has nothing else that a handshake needs. */
export function clientHello(serverName: string): Buffer {
  const name = Buffer.concat([Buffer.of(0), vector(2, Buffer.from(serverName, 'latin1'))]);
  const extensions = Buffer.concat([Buffer.of(0, 0), vector(2, vector(2, name))]);
  const body = [
    Buffer.of(3, 3),
    Buffer.alloc(32, 'r'),
    vector(1, Buffer.alloc(0)),
    vector(2, Buffer.of(0x13, 1)),
    vector(1, Buffer.of(0)),
    vector(2, extensions),
  ];
  const message = Buffer.concat([Buffer.of(1), vector(3, Buffer.concat(body))]);
  return Buffer.concat([Buffer.of(0x16, 3, 1), vector(2, message)]);
}

function vector(lengthBytes: number, content: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(content.length, 0, lengthBytes);
  return Buffer.concat([length, content]);
}

export const OPAQUE_ATTACKS: readonly Attack[] = [
  {
    name: 'opaque-reader',
    abuse: 'TCP connections whose clients ask for much and read nothing',
    reasons: ['flush-timeout', 'held-bytes-exhausted'],
    perSecond: 1,
    attempt: ({ tcpPort }) => many(tcpPort, (socket) => socket.unread('r')),
  },
  {
    name: 'opaque-writer',
    abuse: 'TCP connections whose clients send much to a pod that reads nothing',
    reasons: ['flush-timeout', 'held-bytes-exhausted'],
    perSecond: 1,
    attempt: ({ tcpPort }) => many(tcpPort, (socket) => socket.flood(PIECE)),
  },
  {
    name: 'passthrough-reader',
    abuse: 'TLS that goes through, of clients that read nothing',
    reasons: ['flush-timeout', 'held-bytes-exhausted'],
    perSecond: 1,
    attempt: ({ tlsPassthroughPort, tlsServerName }) =>
      many(tlsPassthroughPort, (socket) => socket.unread(clientHello(tlsServerName))),
  },
];
