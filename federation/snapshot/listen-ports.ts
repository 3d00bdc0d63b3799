import { createHash } from 'node:crypto';

/** `namespace/name:port`: what a port is listened on for. */
export type PortTarget = string;

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** A port that is or was given to a target. */
export interface PortGrant {
  readonly target: PortTarget;
  readonly port: number;
  /** When its target went away, Unix ms; undefined while it is in use. */
  readonly releasedAtMs: number | undefined;
}

/** Clients may hold on to an address: a port that was a service's is no other's for this long. */
const QUARANTINE_MS = 24 * 3600 * 1000;

/**
 * Which port every gateway of this cluster listens on for which service port. A target keeps its port as long as
 * this remembers it. A new target gets the port that its hash names, or the next free one: a cluster that lost its
 * memory gives nearly all of them the same ports again.
 */
export class ListenPorts {
  readonly #range: PortRange;
  readonly #byTarget = new Map<PortTarget, PortGrant>();
  readonly #byPort = new Map<number, PortTarget>();

  /** Grants outside of the range, or of a port that an earlier one has, are dropped. */
  constructor(range: PortRange, grants: Iterable<PortGrant> = []) {
    this.#range = range;
    for (const grant of grants) this.#remember(grant);
  }

  get grants(): readonly PortGrant[] {
    return [...this.#byTarget.values()];
  }

  /** The port that a target has. */
  get(target: PortTarget): number | undefined {
    const grant = this.#byTarget.get(target);
    return grant?.releasedAtMs === undefined ? grant?.port : undefined;
  }

  /** The target's port, given to it now where it has none; undefined when none is free. */
  claim(target: PortTarget, nowMs: number): number | undefined {
    const port = this.#byTarget.get(target)?.port ?? this.#freePort(target, nowMs);
    if (port !== undefined) this.#give({ target, port, releasedAtMs: undefined });
    return port;
  }

  release(target: PortTarget, nowMs: number): void {
    const grant = this.#byTarget.get(target);
    if (grant !== undefined) this.#byTarget.set(target, { ...grant, releasedAtMs: nowMs });
  }

  /** As `release`, for all that are in use and not among `live`. */
  releaseExcept(live: ReadonlySet<PortTarget>, nowMs: number): void {
    for (const { target, releasedAtMs } of this.grants) {
      if (releasedAtMs === undefined && !live.has(target)) this.release(target, nowMs);
    }
  }

  #remember(grant: PortGrant): void {
    const { from, to } = this.#range;
    if (grant.port < from || grant.port > to) return;
    if (!this.#byTarget.has(grant.target) && !this.#byPort.has(grant.port)) this.#give(grant);
  }

  #give(grant: PortGrant): void {
    this.#byTarget.set(grant.target, grant);
    this.#byPort.set(grant.port, grant.target);
  }

  #freePort(target: PortTarget, nowMs: number): number | undefined {
    const { from, to } = this.#range;
    const size = to - from + 1;
    const first = createHash('sha256').update(target).digest().readUInt32BE() % size;
    for (let step = 0; step < size; step++) {
      const port = from + ((first + step) % size);
      if (this.#isFree(port, nowMs)) return port;
    }
    return undefined;
  }

  #isFree(port: number, nowMs: number): boolean {
    const target = this.#byPort.get(port);
    if (target === undefined) return true;
    const releasedAtMs = this.#byTarget.get(target)?.releasedAtMs;
    if (releasedAtMs === undefined || nowMs - releasedAtMs < QUARANTINE_MS) return false;
    this.#byTarget.delete(target);
    this.#byPort.delete(port);
    return true;
  }
}
