import { createServer as createTcpServer, type Socket } from 'node:net';
import { FLAG, FRAME, FrameReader, frame, opening, PREFACE, replyTo, windowUpdate } from './load/frames.ts';
import { Outlet } from './load/outlet.ts';

/**
 * `node echo-backend.ts GRPC_PORT TCP_PORT`: gives back what it gets, over gRPC (HTTP/2 with prior knowledge; a call's
 * messages one by one, then its trailers) and over TCP. It speaks frames itself, so that it costs less than what is
 * measured.
 */
const RESPONSE = Buffer.concat([Buffer.from([0x88]), field('content-type', 'application/grpc')]);
const TRAILERS = field('grpc-status', '0');
const CREDIT_BYTES = 2 ** 20;

/** A field as a literal without indexing (RFC 7541 section 6.2.2). */
function field(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}

function serveGrpc(socket: Socket): void {
  const outlet = new Outlet(socket);
  const answered = new Set<number>();
  let received = 0;
  const reader = new FrameReader((type, flags, streamId, payload) => {
    const reply = streamId === 0 ? replyTo(type, flags, payload) : undefined;
    if (reply !== undefined) outlet.append(reply);
    if (type === FRAME.reset) answered.delete(streamId);
    if (type === FRAME.headers && !answered.has(streamId)) {
      answered.add(streamId);
      outlet.append(frame(FRAME.headers, FLAG.endHeaders, streamId, RESPONSE));
    }
    if (type === FRAME.data && payload.length > 0) {
      outlet.append(frame(FRAME.data, 0, streamId, payload));
      received += payload.length;
    }
    if ((type === FRAME.data || type === FRAME.headers) && (flags & FLAG.endStream) !== 0) {
      outlet.append(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, streamId, TRAILERS));
      answered.delete(streamId);
    }
    if (received >= CREDIT_BYTES) {
      outlet.append(windowUpdate(0, received));
      received = 0;
    }
  });
  let skip = PREFACE.length;
  socket.on('data', (chunk: Buffer) => {
    const start = Math.min(skip, chunk.length);
    skip -= start;
    if (start < chunk.length) reader.read(chunk.subarray(start));
  });
  outlet.append(opening());
}

function listen(port: number, serve: (socket: Socket) => void): void {
  createTcpServer({ noDelay: true }, (socket) => {
    // A client that goes away is the end of a measurement.
    socket.on('error', () => socket.destroy());
    serve(socket);
  }).listen(port, '127.0.0.1');
}

listen(Number(process.argv[2]), serveGrpc);
listen(Number(process.argv[3]), (socket) => {
  socket.on('data', (chunk: Buffer) => socket.write(chunk));
});
