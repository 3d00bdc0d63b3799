import type { TLSSocket } from 'node:tls';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { Peer } from '../../federation/model/snapshot.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { CodecResources } from '../http/resources.ts';
import type { ClientConnection } from '../http/stream.ts';
import type { ConnectionSource, ConnectionWaiter } from '../upstream/connection-source.ts';
import { WaitingRoom } from '../upstream/waiting-room.ts';
import type { TrunkDialler } from './dialler.ts';
import { type LinkOwner, TrunkLink } from './trunk-link.ts';
import { nextTrunkStep, type TrunkEvent, type TrunkState } from './trunk-state.ts';
import type { TrunkTiming } from './trunk-timing.ts';

/** What a trunk needs of its worker. */
export interface TrunkPlace {
  readonly clock: Clock;
  readonly random: () => number;
  readonly resources: CodecResources;
  readonly dialler: TrunkDialler;
  readonly timing: TrunkTiming;
  readonly rejected: (reason: RejectionReason) => void;
  readonly onPeerLost: (cluster: string) => void;
  readonly onPeerAnswered: (cluster: string) => void;
}

const MAX_LINKS = 4;
const MAX_WAITING = 4096;
/** Between two tries to open another link beside crowded ones. */
const GROW_AGAIN_MS = 1_000;
/** After a replacement that failed. */
const RETIRE_AGAIN_MS = 60_000;

/** The trunk of one worker to one peer cluster: carries out what `trunk-state.ts` decides. */
export class PeerTrunk implements ConnectionSource, LinkOwner {
  readonly #place: TrunkPlace;
  readonly #waiting = new WaitingRoom(MAX_WAITING);
  /** Connected, but what its peer allows is not known yet. */
  #opening: TrunkLink | undefined = undefined;
  /** Those that take streams. */
  #links: TrunkLink[] = [];
  /** Those whose last streams are ending. */
  readonly #draining = new Set<TrunkLink>();
  #state: TrunkState = { kind: 'idle' };
  #peer: Peer;
  #cancelDial: (() => void) | undefined = undefined;
  /** Too old: ends when its replacement is there. */
  #retiring: TrunkLink | undefined = undefined;
  #problem: string | undefined = undefined;
  /** A request had to go on a crowded link. */
  #wantsRoom = false;
  #growAgainAtMs = 0;

  constructor(peer: Peer, place: TrunkPlace) {
    this.#peer = peer;
    this.#place = place;
  }

  get state(): TrunkState {
    return this.#state;
  }

  /** Why it is down, for a person. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get rttMs(): number | undefined {
    return this.#links[0]?.rttMs;
  }

  get openStreams(): number {
    let streams = 0;
    for (const link of this.#links) streams += link.connection.openStreams;
    for (const link of this.#draining) streams += link.connection.openStreams;
    return streams;
  }

  /** Its addresses may have changed: the next dial uses them. */
  setPeer(peer: Peer): void {
    this.#peer = peer;
  }

  acquire(waiter: ConnectionWaiter): ClientConnection | undefined {
    let crowded: TrunkLink | undefined;
    for (const link of this.#links) {
      if (!link.connection.available) continue;
      if (!link.crowded) return link.connection;
      if (crowded === undefined || (link.rttMs ?? 0) < (crowded.rttMs ?? 0)) crowded = link;
    }
    if (crowded !== undefined) {
      this.#wantsRoom = true;
      return crowded.connection;
    }
    this.#waiting.add(waiter);
    this.#grow();
    return undefined;
  }

  withdraw(waiter: ConnectionWaiter): void {
    this.#waiting.withdraw(waiter);
  }

  peerAnswered(): void {
    this.#step({ kind: 'peer-answered' });
  }

  /** The regular look at everything that depends on time. */
  tick(nowMs: number, warm: boolean): void {
    for (const link of [...this.#links]) this.#look(link, nowMs, warm);
    for (const link of [...this.#draining]) if (!link.alive(nowMs)) link.connection.destroy();
    if (this.#opening?.alive(nowMs) === false) this.#opening.connection.destroy();
    if (this.#wantsRoom && nowMs >= this.#growAgainAtMs) {
      this.#wantsRoom = false;
      this.#growAgainAtMs = nowMs + GROW_AGAIN_MS;
      this.#grow();
    }
    const { kind } = this.#state;
    if (warm && (kind === 'idle' || kind === 'down')) this.#step({ kind: 'wanted' });
  }

  forgive(nowMs: number): void {
    for (const link of [...this.#links, ...this.#draining]) link.forgive(nowMs);
  }

  /** Nothing new begins; connections close after their last stream. */
  drain(): void {
    this.#cancelDial?.();
    this.#cancelDial = undefined;
    const links = this.#links;
    this.#links = [];
    for (const link of links) this.#drainLink(link);
    const opening = this.#opening;
    this.#opening = undefined;
    opening?.connection.destroy();
    this.#step({ kind: 'drain' });
  }

  /** Ends everything at once. */
  destroy(): void {
    this.drain();
    for (const link of [...this.#draining]) link.connection.destroy();
  }

  linkReady(link: TrunkLink): void {
    if (link !== this.#opening) return;
    this.#opening = undefined;
    this.#problem = undefined;
    const retiring = this.#retiring;
    if (retiring !== undefined && this.#take(retiring)) this.#drainLink(retiring);
    this.#links = [...this.#links, link];
    this.#step({ kind: 'connected' });
    this.linkAvailable(link);
  }

  linkAvailable(link: TrunkLink): void {
    if (!this.#links.includes(link)) return;
    this.#waiting.serve(link.connection);
    if (this.#waiting.size > 0) this.#grow();
  }

  linkDraining(link: TrunkLink): void {
    if (!this.#take(link)) return;
    this.#draining.add(link);
    this.#step({ kind: 'connection-draining', left: this.#links.length });
  }

  linkClosed(link: TrunkLink, reason: string): void {
    this.#draining.delete(link);
    if (link === this.#opening) {
      this.#opening = undefined;
      this.#dialFailed(reason);
    }
    if (!this.#take(link)) return;
    this.#problem = reason;
    this.#step({ kind: 'connection-lost', left: this.#links.length });
  }

  rejected(reason: RejectionReason): void {
    this.#place.rejected(reason);
  }

  #look(link: TrunkLink, nowMs: number, warm: boolean): void {
    if (!link.alive(nowMs)) {
      this.#take(link);
      this.#problem = `no sign of life for ${this.#place.timing.silenceMs} ms`;
      // Known to be lost before its streams fail, so that none of them is sent there again.
      this.#step({ kind: 'silent', left: this.#links.length });
      link.connection.destroy();
    } else if (link.unused(nowMs) && !(warm && this.#links.length === 1)) {
      this.#take(link);
      this.#drainLink(link);
      this.#step({ kind: 'idle-closed', left: this.#links.length });
    } else if (nowMs >= link.retireAtMs) {
      link.retireAtMs = nowMs + RETIRE_AGAIN_MS;
      this.#retiring = link;
      this.#step({ kind: 'wanted' });
    }
  }

  #grow(): void {
    if (this.#state.kind !== 'up' || this.#links.length < MAX_LINKS) this.#step({ kind: 'wanted' });
  }

  /** True when it was one of those that take streams; it is not any more. */
  #take(link: TrunkLink): boolean {
    const index = this.#links.indexOf(link);
    if (index < 0) return false;
    this.#links = this.#links.toSpliced(index, 1);
    if (this.#retiring === link) this.#retiring = undefined;
    return true;
  }

  #drainLink(link: TrunkLink): void {
    this.#draining.add(link);
    link.connection.drain();
  }

  #step(event: TrunkEvent): void {
    const { clock, random } = this.#place;
    const { state, effects } = nextTrunkStep(clock.monotonic(), this.#state, event, random);
    this.#state = state;
    for (const effect of effects) {
      switch (effect) {
        case 'dial':
          this.#dial();
          break;
        case 'fail-waiters':
          this.#waiting.fail({ kind: 'connect', reason: this.#problem ?? 'the trunk is down' });
          break;
        case 'report-lost':
          this.#place.onPeerLost(this.#peer.cluster);
          break;
        case 'report-answered':
          this.#place.onPeerAnswered(this.#peer.cluster);
          break;
      }
    }
  }

  #dial(): void {
    this.#cancelDial = this.#place.dialler.dial(this.#peer, {
      connected: (socket) => this.#connected(socket),
      failed: (reason) => this.#dialFailed(reason),
    });
  }

  #dialFailed(reason: string): void {
    this.#cancelDial = undefined;
    this.#problem = reason;
    this.#retiring = undefined;
    this.#step({ kind: 'dial-failed' });
  }

  #connected(socket: TLSSocket): void {
    this.#cancelDial = undefined;
    const { clock, random, resources, timing } = this.#place;
    const nowMs = clock.monotonic();
    const retireAtMs = nowMs + timing.maxAgeMs * (1 - random() / 10);
    this.#opening = new TrunkLink(this, socket, resources, timing, { nowMs, retireAtMs });
  }
}
