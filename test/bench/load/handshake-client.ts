import { connect, createSecureContext, type TLSSocket } from 'node:tls';
import { clientTls, KEY_EXCHANGE_GROUP } from './client-tls.ts';
import { opening, PREFACE } from './frames.ts';
import type { LoadMessage } from './load-process.ts';
import { type Lane, Pacer } from './pacer.ts';

/** What `node handshake-client.ts SPEC` does. */
export interface HandshakeSpec {
  readonly port: number;
  readonly pki: string;
  /** At once. */
  readonly lanes: number;
  readonly seconds: number;
  readonly resumed: boolean;
}

interface SharedSession {
  ticket: Buffer | undefined;
}

/** What makes a server answer, and those that hold their tickets back send them. */
const HELLO = Buffer.concat([PREFACE, opening()]);

/**
 * A handshake counts as done when the server has answered HTTP/2's preface with its own: it has seen the client's
 * certificate then. A ticket alone would not tell, since few servers give another for a session that is resumed.
 */
class HandshakeLane implements Lane {
  readonly #connect: () => TLSSocket;
  readonly #session: SharedSession;
  readonly #resumed: boolean;
  readonly #done: (lane: Lane, ok: boolean) => void;

  constructor(
    open: () => TLSSocket,
    session: SharedSession,
    resumed: boolean,
    done: (lane: Lane, ok: boolean) => void,
  ) {
    this.#connect = open;
    this.#session = session;
    this.#resumed = resumed;
    this.#done = done;
  }

  send(): void {
    const socket = this.#connect();
    let finished = false;
    const finish = (ok: boolean): void => {
      if (finished) return;
      finished = true;
      socket.destroy();
      this.#done(this, ok);
    };
    socket.on('session', (ticket: Buffer) => {
      this.#session.ticket = ticket;
    });
    socket.once('data', () => finish(asAgreed(socket, this.#resumed)));
    socket.on('error', () => finish(false));
    socket.on('close', () => finish(false));
    socket.write(HELLO);
  }
}

function asAgreed(socket: TLSSocket, resumed: boolean): boolean {
  const key = socket.getEphemeralKeyInfo();
  const group = key !== null && 'name' in key ? key.name : undefined;
  return socket.isSessionReused() === resumed && group === KEY_EXCHANGE_GROUP;
}

function tell(message: LoadMessage, then = (): void => {}): void {
  process.send?.(message, then);
}

async function firstTicket(open: () => TLSSocket, session: SharedSession): Promise<void> {
  const socket = open();
  socket.resume();
  socket.write(HELLO);
  session.ticket = await new Promise<Buffer>((resolve, reject) => {
    socket.once('session', resolve);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the gateway gives no session ticket')));
  });
  socket.destroy();
}

async function run(spec: HandshakeSpec): Promise<void> {
  const options = clientTls(spec.pki, 'h2');
  const secureContext = createSecureContext(options);
  const session: SharedSession = { ticket: undefined };
  const open = (): TLSSocket => {
    const { ticket } = session;
    const resume = spec.resumed && ticket !== undefined ? { session: ticket } : {};
    return connect({ ...options, secureContext, port: spec.port, ...resume });
  };
  if (spec.resumed) await firstTicket(open, session);
  const pacer = new Pacer({ rate: 0, warmMs: 200, seconds: spec.seconds });
  let count = 0;
  const done = (lane: Lane, ok: boolean): void => {
    count++;
    pacer.done(lane, ok, performance.now());
  };
  const lanes = Array.from(
    { length: spec.lanes },
    () => new HandshakeLane(open, session, spec.resumed, done),
  );
  const beganMs = performance.now();
  pacer.begin(lanes, beganMs);
  let before = 0;
  setTimeout(() => {
    before = count;
    tell({ kind: 'begins' });
  }, pacer.measuredFromMs - beganMs);
  setTimeout(() => {
    tell({ kind: 'ends', requests: count - before });
    tell({ kind: 'result', result: pacer.result() }, () => process.exit());
  }, pacer.measuredToMs - beganMs);
}

await run(JSON.parse(process.argv[2] ?? '') as HandshakeSpec);
