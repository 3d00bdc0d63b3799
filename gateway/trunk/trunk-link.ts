import type { TLSSocket } from 'node:tls';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { CodecResources } from '../http/resources.ts';
import type { ClientConnectionHandler } from '../http/stream.ts';
import { Http2ClientConnection } from '../http2/client-connection.ts';
import { TRUNK_HTTP2 } from '../http2/options.ts';
import { LinkCrowding } from './link-crowding.ts';
import type { TrunkTiming } from './trunk-timing.ts';

/** What a link tells the trunk it belongs to. */
export interface LinkOwner {
  /** Its first PING was answered, so the peer's SETTINGS are known: it takes streams from now on. */
  linkReady(link: TrunkLink): void;
  /** It may take a stream again. */
  linkAvailable(link: TrunkLink): void;
  /** The peer takes nothing more on it (GOAWAY). */
  linkDraining(link: TrunkLink): void;
  linkClosed(link: TrunkLink, reason: string): void;
  rejected(reason: RejectionReason): void;
}

/** One connection of a trunk: HTTP/2 over TLS, with its liveness. Times are monotonic ms. */
export class TrunkLink implements ClientConnectionHandler {
  readonly connection: Http2ClientConnection;
  /** When another should take its place. */
  retireAtMs: number;
  /** Of the last PING; undefined until the first was answered. */
  rttMs: number | undefined = undefined;
  readonly #owner: LinkOwner;
  readonly #socket: TLSSocket;
  readonly #timing: TrunkTiming;
  readonly #crowding = new LinkCrowding();
  #bytesRead: number;
  #heardAtMs: number;
  #pingedAtMs: number;
  #usedAtMs: number;

  constructor(
    owner: LinkOwner,
    socket: TLSSocket,
    resources: CodecResources,
    timing: TrunkTiming,
    times: { readonly nowMs: number; readonly retireAtMs: number },
  ) {
    this.#owner = owner;
    this.#socket = socket;
    this.#timing = timing;
    this.retireAtMs = times.retireAtMs;
    this.#bytesRead = socket.bytesRead;
    this.#heardAtMs = times.nowMs;
    this.#usedAtMs = times.nowMs;
    this.#pingedAtMs = times.nowMs;
    this.connection = new Http2ClientConnection(socket, TRUNK_HTTP2, this, resources);
    this.#ping();
  }

  /** Bulk stands before small on it: another link is better for what is new. */
  get crowded(): boolean {
    return this.#crowding.crowded;
  }

  /** Asks for a sign of life when it is time. True while there was one lately. */
  alive(nowMs: number): boolean {
    const { bytesRead } = this.#socket;
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead;
      this.#heardAtMs = nowMs;
    }
    if (nowMs - this.#heardAtMs >= this.#timing.silenceMs) return false;
    if (nowMs - this.#pingedAtMs >= this.#timing.pingIntervalMs) {
      this.#pingedAtMs = nowMs;
      this.#ping();
    }
    return true;
  }

  /** This process stood still: what it did not hear in that time says nothing of the peer. */
  forgive(nowMs: number): void {
    this.#heardAtMs = nowMs;
  }

  /** True when it has carried nothing for long enough to be closed. */
  unused(nowMs: number): boolean {
    if (this.connection.openStreams > 0) this.#usedAtMs = nowMs;
    return nowMs - this.#usedAtMs >= this.#timing.idleMs;
  }

  availabilityChanged(): void {
    if (this.connection.available) this.#owner.linkAvailable(this);
  }

  draining(): void {
    this.#owner.linkDraining(this);
  }

  rejected(reason: RejectionReason): void {
    this.#owner.rejected(reason);
  }

  closed(reason: string): void {
    this.#owner.linkClosed(this, reason);
  }

  #ping(): void {
    this.connection.ping((rttMs) => {
      const first = this.rttMs === undefined;
      this.rttMs = rttMs;
      const { movedBytes, openedStreams } = this.connection;
      this.#crowding.answered(rttMs, movedBytes, openedStreams);
      if (first) this.#owner.linkReady(this);
    });
  }
}
