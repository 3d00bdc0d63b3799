import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { before, describe, test } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import fc from 'fast-check';
import { MAX_CLIENT_HELLO_BYTES, readClientHello } from './client-hello.ts';

const NAME = 'payments.shop.svc.clusterset.local';
const RECORD_HEADER = 5;

/** The first bytes of a real client: OpenSSL's, through Node. */
async function realHello(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'connection');
  const client = connect({ host: '127.0.0.1', port, ...options });
  client.on('error', () => undefined);
  const [socket] = await accepted;
  const [first] = await once(socket, 'data');
  client.destroy();
  socket.destroy();
  server.close();
  return first;
}

function u16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

function vector16(...parts: Buffer[]): Buffer {
  const all = Buffer.concat(parts);
  return Buffer.concat([u16(all.length), all]);
}

/** One record with as much of a handshake as there is in `fragment`. */
function record(fragment: Buffer, type = 22): Buffer {
  return Buffer.concat([Buffer.of(type, 3, 1), vector16(fragment)]);
}

function message(body: Buffer, type = 1): Buffer {
  return Buffer.concat([Buffer.of(type, body.length >> 16), u16(body.length & 0xffff), body]);
}

function serverName(name: string): Buffer {
  return Buffer.concat([u16(0), vector16(vector16(Buffer.of(0), vector16(Buffer.from(name))))]);
}

const FIXED = Buffer.concat([Buffer.of(3, 3), Buffer.alloc(32, 7), Buffer.of(0)]);
const SUITES = vector16(Buffer.of(0x13, 0x01));
const START = Buffer.concat([FIXED, SUITES, Buffer.of(1, 0)]);

function helloWith(...extensions: Buffer[]): Buffer {
  return record(message(Buffer.concat([START, vector16(...extensions)])));
}

/** The same handshake bytes in records of `size`. */
function refragmented(hello: Buffer, size: number): Buffer {
  const bytes = hello.subarray(RECORD_HEADER);
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) records.push(record(bytes.subarray(at, at + size)));
  return Buffer.concat(records);
}

describe('the ClientHello of a real client', () => {
  let hello: Buffer;
  before(async () => {
    hello = await realHello({ servername: NAME, ALPNProtocols: ['h2', 'http/1.1'] });
  });

  test('is whole with its last byte and not before, wherever it is cut', () => {
    for (let end = 0; end < hello.length; end++) {
      assert.equal(readClientHello(hello.subarray(0, end)), undefined, `${end} bytes`);
    }
    assert.deepEqual(readClientHello(hello), { kind: 'hello', serverName: NAME });
  });

  test('may come in many records, cut anywhere', () => {
    const least = Math.ceil((hello.length - RECORD_HEADER) / 64);
    for (let size = least; size < hello.length; size++) {
      const parts = refragmented(hello, size);
      assert.deepEqual(readClientHello(parts), { kind: 'hello', serverName: NAME }, `records of ${size}`);
      assert.equal(readClientHello(parts.subarray(0, -1)), undefined);
    }
    assert.equal(readClientHello(refragmented(hello, 1))?.kind, 'malformed');
  });

  test('may be followed by early data in a record of its own', () => {
    const early = record(Buffer.alloc(100), 23);
    assert.deepEqual(readClientHello(Buffer.concat([hello, early])), { kind: 'hello', serverName: NAME });
  });

  test('TLS 1.2, without a name, and with a name in capitals', async () => {
    const old = await realHello({ servername: NAME, maxVersion: 'TLSv1.2' });
    assert.deepEqual(readClientHello(old), { kind: 'hello', serverName: NAME });
    assert.deepEqual(readClientHello(await realHello({})), { kind: 'hello', serverName: undefined });
    const loud = await realHello({ servername: NAME.toUpperCase() });
    assert.deepEqual(readClientHello(loud), { kind: 'hello', serverName: NAME });
  });

  test('changed in any way it is a hello, malformed or not whole, and nothing is thrown', () => {
    const change = fc.record({ at: fc.nat(hello.length - 1), byte: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(hello.length), (changes, end) => {
        const bytes = Buffer.from(hello);
        for (const { at, byte } of changes) bytes[at] = byte;
        const whole = readClientHello(bytes);
        const part = readClientHello(bytes.subarray(0, end));
        // What was seen to be wrong stays wrong, whatever follows; a whole one does not change.
        if (part !== undefined) assert.deepEqual(part, whole);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('what is no ClientHello', () => {
  const good = serverName(NAME);
  const body = (...parts: Buffer[]): Buffer => record(message(Buffer.concat(parts)));
  const cases: readonly (readonly [string, Buffer, string])[] = [
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'no handshake record'],
    ['one byte of something else', Buffer.of(0x80), 'no handshake record'],
    ['a record of SSL 2', Buffer.of(22, 2), 'record version'],
    ['a record without content', Buffer.of(22, 3, 1, 0, 0), 'record length'],
    ['a record above 2^14 bytes', Buffer.of(22, 3, 1, 0x40, 1), 'record length'],
    ['another message', record(message(START, 2)), 'no ClientHello'],
    ['an alert inside it', Buffer.concat([helloWith(good).subarray(0, 5), Buffer.of(2)]), 'no ClientHello'],
    ['a message that would be too large', record(Buffer.of(1, 1, 0, 0)), 'too large'],
    [
      'bytes behind it in its record',
      record(Buffer.concat([message(START), Buffer.of(1)])),
      'bytes after the message in its record',
    ],
    ['TLS 2', body(Buffer.of(2), START.subarray(1)), 'version'],
    [
      'a long session id',
      body(Buffer.of(3, 3), Buffer.alloc(32), Buffer.of(33), Buffer.alloc(33)),
      'session id',
    ],
    ['half a cipher suite', body(FIXED, vector16(Buffer.alloc(3))), 'cipher suites'],
    ['no cipher suites', body(FIXED, u16(0)), 'an empty list'],
    ['no null compression', body(FIXED, SUITES, Buffer.of(1, 1)), 'compression methods'],
    ['bytes behind the extensions', body(START, vector16(good), Buffer.of(0)), 'bytes after the end'],
    ['an extension beyond the end', body(START, vector16(u16(0), u16(9))), 'a length beyond the end'],
    ['an extension twice', helloWith(good, good), 'an extension twice'],
    [
      'a name of another type',
      helloWith(Buffer.concat([u16(0), vector16(vector16(Buffer.of(1), vector16(Buffer.from('a'))))])),
      'server name type',
    ],
    [
      'two names',
      helloWith(
        Buffer.concat([
          u16(0),
          vector16(
            vector16(Buffer.of(0), vector16(Buffer.from('a')), Buffer.of(0), vector16(Buffer.from('b'))),
          ),
        ]),
      ),
      'bytes after the end',
    ],
    ['an empty list of names', helloWith(Buffer.concat([u16(0), vector16(u16(0))])), 'an empty list'],
    ...[
      '',
      '10.0.0.1',
      'a.b.',
      '.a',
      'a..b',
      'a\0b',
      'a b',
      'ä.b',
      '-a',
      '::1',
      `${'a'.repeat(64)}.b`,
      `${'a.'.repeat(127)}aa`,
    ].map(
      (name) =>
        [
          `the name ${JSON.stringify(name.slice(0, 12))}`,
          helloWith(serverName(name)),
          name === '' ? 'an empty list' : 'server name',
        ] as const,
    ),
  ];
  for (const [what, bytes, reason] of cases) {
    test(what, () => assert.deepEqual(readClientHello(bytes), { kind: 'malformed', reason }));
  }

  test('more than 16 KiB, however little of it makes sense', () => {
    const padding = Buffer.concat([u16(21), vector16(Buffer.alloc(MAX_CLIENT_HELLO_BYTES - 300))]);
    const large = refragmented(helloWith(padding, good), 1000);
    assert.ok(large.length < MAX_CLIENT_HELLO_BYTES);
    assert.deepEqual(readClientHello(large), { kind: 'hello', serverName: NAME });
    const more = Buffer.concat([u16(21), vector16(Buffer.alloc(MAX_CLIENT_HELLO_BYTES - 100))]);
    const tooLarge = refragmented(helloWith(more, good), 1000);
    assert.deepEqual(readClientHello(tooLarge), { kind: 'malformed', reason: 'too large' });
  });
});
