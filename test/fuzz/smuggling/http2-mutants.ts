import { setTimeout as sleep } from 'node:timers/promises';
import { FLAG, FRAME, PREFACE } from '../../../gateway/http2/frame.ts';
import { normalisePath } from '../../../gateway/pipeline/path.ts';
import { RawHttp2Peer, rawBlock, rawFrame, rawSettings } from '../../fixtures/raw-http2-peer.ts';
import { Random } from '../random.ts';
import { smuggled } from './grammar.ts';
import type { Mutant } from './mutants.ts';
import type { Answer, Answers } from './sender.ts';

const STREAM = 1;
const PATIENCE_MS = 20_000;

interface Draft {
  fields: string[];
  body: string;
  trailers: string[];
}

/** What becomes a second request, another length or another field where HTTP/2 is written down as HTTP/1. */
const FIELDS: readonly (readonly [name: string, value: string])[] = [
  ...[
    'transfer-encoding',
    'x-a\r\ntransfer-encoding',
    'Transfer-Encoding',
    'transfer-encoding ',
    ' transfer-encoding',
  ].map((name) => [name, 'chunked'] as const),
  ...['0', '5', '86', '+5', '5, 5', '05', '', ' 5', '5\r\n', '9999999999999999'].map(
    (value) => ['content-length', value] as const,
  ),
  ...['content-length ', 'Content-Length', 'content-length\0', 'content_length'].map(
    (name) => [name, '0'] as const,
  ),
  ...['close', 'content-length', 'x-mutant', 'upgrade'].map((value) => ['connection', value] as const),
  ...['a\r\nx: y', 'a\nx: y', 'a\rx: y', 'a\r\n\r\nSMUGGLED', 'a\0b', ' a', 'a\t', '\x7f', '\xff'].map(
    (value) => ['x-a', value] as const,
  ),
  ...['x-a: b\r\nx', 'x a', 'x:a', '', 'x\xe9', ':x', ':path', ':method', ':status'].map(
    (name) => [name, '/x'] as const,
  ),
  ['upgrade', 'h2c'],
  ['te', 'chunked'],
  ['te', 'trailers'],
  ['keep-alive', 'timeout=1'],
  ['proxy-connection', 'close'],
  ['host', 'HOST'],
  ['host', 'other.example'],
  ['host', 'HOST\r\nx: y'],
  ['expect', '100-continue'],
  ['trailer', 'host'],
  ['cookie', 'a=b'],
  ['cookie', 'c=d\r\nx: y'],
  ['http2-settings', 'AAMAAABk'],
];
const PSEUDO: Readonly<Record<string, readonly string[]>> = {
  ':method': [
    'HEAD',
    'get',
    'TRACE',
    'CONNECT',
    'GET /smuggled/ID HTTP/1.1\r\nHost: HOST\r\n\r\nGET',
    'G T',
    '',
    'PRI',
  ],
  ':path': [
    'PATH HTTP/1.1\r\nX: y',
    'PATH HTTP/1.1',
    'PATH ',
    'PATH\0',
    'PATH#f',
    'PATH%2f',
    '/..PATH',
    '/PATH',
    'PATH\\w',
    'http://HOSTPATH',
    '*',
    '',
    'PATH?a=%0d%0a',
    'PATH\t',
    'PATH\xe9',
    'PATH//z/../y',
  ],
  ':authority': ['HOST\r\nX: y', 'HOST/x', 'a@HOST', 'HOST:80', 'HOST ', 'other.example', '', 'HOST, HOST'],
  ':scheme': ['https', 'http://HOST/?', 'ftp', ''],
};
const BODIES = ['', 'hello', '0\r\n\r\nSMUGGLED', 'SMUGGLED', '5\r\nhello\r\n0\r\n\r\n', '\r\n\r\nSMUGGLED'];
const TRAILERS = [
  ['x-sum', '1'],
  ['content-length', '0'],
  ['transfer-encoding', 'chunked'],
  ['host', 'b'],
  ['x', 'a\r\nb: c'],
  [':path', '/x'],
];

/** A request over HTTP/2 that an HTTP/1 backend gets, with mutations; the same for the same seed. */
export function makeHttp2Mutant(id: number, seed: number, host: string): Mutant {
  const random = new Random(seed);
  const path = `/m/${id}/${random.below(100)}`;
  const fill = (text: string): string =>
    text
      .replaceAll('SMUGGLED', smuggled(id, host))
      .replaceAll('HOST', host)
      .replaceAll('PATH', path)
      .replaceAll('ID', String(id));
  const draft: Draft = {
    fields: [':method', 'POST', ':scheme', 'http', ':authority', host, ':path', path, 'x-mutant', String(id)],
    body: fill(random.pick(BODIES)),
    trailers: random.once(4) ? random.pick(TRAILERS).map(fill) : [],
  };
  const mutations = random.once(3) ? [changePseudo(draft, random, fill)] : [];
  for (let count = random.below(3); count > 0; count--) mutations.push(addField(draft, random, fill));
  const value = (name: string): string => draft.fields[draft.fields.indexOf(name) + 1] ?? '';
  const request = {
    method: value(':method'),
    path: normalisePath(value(':path')),
    body: draft.body,
    handshake: false,
  };
  return {
    id,
    mutations: mutations.length === 0 ? ['none'] : mutations,
    text: `HTTP/2 ${JSON.stringify(draft.fields)} ${draft.body}`,
    pieces: [bytesOf(draft, random)],
    sent: { requests: [request], rest: 'nothing' },
  };
}

function changePseudo(draft: Draft, random: Random, fill: (text: string) => string): string {
  const name = random.pick(Object.keys(PSEUDO));
  const at = draft.fields.indexOf(name);
  draft.fields[at + 1] = fill(random.pick(PSEUDO[name] ?? []));
  return name;
}

function addField(draft: Draft, random: Random, fill: (text: string) => string): string {
  const [name, value] = random.pick(FIELDS);
  draft.fields.splice(random.once(4) ? 8 : draft.fields.length, 0, fill(name), fill(value));
  return `field ${JSON.stringify(name)}`;
}

function bytesOf({ fields, body, trailers }: Draft, random: Random): Buffer {
  const frames = [PREFACE, rawSettings([])];
  const rest = body !== '' || trailers.length > 0;
  const block = rawBlock(fields);
  frames.push(rawFrame(FRAME.HEADERS, FLAG.END_HEADERS | (rest ? 0 : FLAG.END_STREAM), STREAM, block));
  const cut = random.below(body.length + 1);
  for (const [index, part] of [body.slice(0, cut), body.slice(cut)].entries()) {
    if (!rest) break;
    frames.push(
      rawFrame(FRAME.DATA, index === 1 && trailers.length === 0 ? FLAG.END_STREAM : 0, STREAM, part),
    );
  }
  if (trailers.length > 0)
    frames.push(rawFrame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, STREAM, rawBlock(trailers)));
  return Buffer.concat(frames);
}

/** Sends a mutant on a connection of its own; a stream or connection that was ended is an answer without a backend. */
export async function sendHttp2(port: number, pieces: readonly Buffer[]): Promise<Answers> {
  const closers: (() => void)[] = [];
  const peer = await RawHttp2Peer.dial({ after: (close) => closers.push(close) }, port);
  for (const piece of pieces) peer.sendBytes(piece);
  const over = (): boolean =>
    peer.socket.destroyed ||
    peer.frames.some(
      ({ type, flags, streamId }) =>
        type === FRAME.GOAWAY ||
        (streamId === STREAM &&
          (type === FRAME.RST_STREAM || (type <= FRAME.HEADERS && (flags & FLAG.END_STREAM) !== 0))),
    );
  const started = performance.now();
  while (!over() && performance.now() - started < PATIENCE_MS) await sleep(1);
  const finished = over();
  for (const close of closers) close();
  return { answers: [answerOf(peer)], finished };
}

function answerOf(peer: RawHttp2Peer): Answer {
  for (const frame of peer.frames) {
    if (frame.type !== FRAME.HEADERS || frame.streamId !== STREAM) continue;
    const block = peer.decode(frame);
    const status = Number(block[1]);
    const at = block.indexOf('x-backend');
    if (status >= 200) return { status, backend: at < 0 ? undefined : block[at + 1] };
  }
  return { status: 0, backend: undefined };
}
