import { H2_ERROR, type HeaderBlock, type StreamWriter } from '../http/stream.ts';
import { settleFor } from '../pipeline/settle.ts';
import { COPY_STAGES } from '../pipeline/stages.ts';
import { backendRoute } from '../routing/rules/backend-route.ts';
import type { CompiledBackend } from '../routing/rules/compiled-rule.ts';
import type { ExchangeEnvironment, RequestCopies } from './environment.ts';
import { Exchange } from './exchange.ts';
import type { ExchangeRecord } from './exchange-record.ts';

/** Of one worker at one time; more are not sent. */
const MAX_COPIES = 500;
/** Of one copy's body, what its backend may have still to take. */
const MAX_WAITING_BYTES = 64 * 1024;
/** A copy is over by then, whatever its response does. */
const COPY_TIMEOUT_MS = 60_000;

/** Makes copies of requests (the filter RequestMirror), and bounds how many there are. */
export class Mirrors {
  readonly #environment: ExchangeEnvironment;
  #open = 0;

  constructor(environment: ExchangeEnvironment) {
    this.#environment = environment;
  }

  /**
   * Sends copies of a request whose stages are done, on ways of their own: nothing of them comes back to it.
   * @returns what takes its body; undefined when nothing is to be told
   */
  send(
    original: ExchangeRecord,
    to: readonly CompiledBackend[],
    endStream: boolean,
  ): RequestCopies | undefined {
    // A tunnel has two directions that belong together.
    if (original.upgrade !== undefined || original.method === 'CONNECT') return undefined;
    const copies = to.flatMap((backend) => this.#copy(original, backend, endStream) ?? []);
    return endStream || copies.length === 0 ? undefined : new Copies(copies);
  }

  #copy(original: ExchangeRecord, backend: CompiledBackend, endStream: boolean): Copy | undefined {
    const environment = this.#environment;
    const route = backendRoute(environment.table, backend);
    if (route === undefined) return undefined;
    if (this.#open >= MAX_COPIES) {
      environment.rejected('mirror-overflow');
      return undefined;
    }
    const copy = new Copy(environment, original, endStream, () => this.#open--);
    this.#open++;
    settleFor(copy.exchange, route, environment);
    copy.exchange.retryPlan = undefined;
    copy.exchange.timeouts = { requestMs: COPY_TIMEOUT_MS, backendRequestMs: undefined, idleMs: undefined };
    copy.exchange.begin(COPY_STAGES);
    return copy;
  }
}

class Copies implements RequestCopies {
  readonly #copies: readonly Copy[];

  constructor(copies: readonly Copy[]) {
    this.#copies = copies;
  }

  data(chunk: Buffer, start: number, end: number, endStream: boolean): void {
    for (const copy of this.#copies) copy.data(chunk, start, end, endStream);
  }

  trailers(block: HeaderBlock): void {
    for (const copy of this.#copies) copy.trailers([...block]);
  }

  abandon(): void {
    for (const copy of this.#copies) copy.abandon();
  }
}

/** The client's side of a copy: nobody, who takes every response at once and drops it. */
class Copy implements StreamWriter {
  readonly exchange: Exchange;
  readonly #environment: ExchangeEnvironment;
  #waitingBytes = 0;
  /** All of the request is with the exchange, or it was given up. */
  #complete: boolean;

  constructor(
    environment: ExchangeEnvironment,
    original: ExchangeRecord,
    endStream: boolean,
    onEnd: () => void,
  ) {
    this.#environment = environment;
    this.#complete = endStream;
    const { context, identities, connectionProtocol } = original;
    const protocol = connectionProtocol === 'grpc' ? 'http2' : connectionProtocol;
    const block = [...original.block];
    this.exchange = new Exchange(environment, { context, identities, protocol }, this, block, endStream);
    this.exchange.becomeCopyOf(original, () => {
      this.#complete = true;
      onEnd();
    });
  }

  data(chunk: Buffer, start: number, end: number, endStream: boolean): void {
    if (this.#complete) return;
    this.#complete = endStream;
    this.#waitingBytes += end - start;
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#environment.rejected('mirror-slow');
      this.#complete = true;
      this.exchange.requestReset(H2_ERROR.CANCEL);
      return;
    }
    this.exchange.requestData(chunk, start, end, endStream);
  }

  trailers(block: HeaderBlock): void {
    if (this.#complete) return;
    this.#complete = true;
    this.exchange.requestTrailers(block);
  }

  /** The original is over and its body will not be complete. */
  abandon(): void {
    if (this.#complete) return;
    this.#complete = true;
    this.exchange.requestReset(H2_ERROR.CANCEL);
  }

  // As its exchange sees it.

  sendHeaders(): void {
    // Nobody waits for the response.
  }

  sendInformational(): void {
    // Nor for this.
  }

  sendData(_chunk: Buffer, start: number, end: number): number {
    return end - start;
  }

  sendTrailers(): void {
    // Nor for these.
  }

  reset(): void {
    // There is no stream that could be reset.
  }

  consumed(bytes: number): void {
    this.#waitingBytes -= bytes;
  }
}
