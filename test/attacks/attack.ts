import type { RejectionReason } from '../../federation/model/rejections.ts';

/** What an attacker knows of the gateway, and a client's SVID for attacks over TLS. */
export interface Victim {
  /** Plaintext HTTP/1.1 and HTTP/2, and TLS for clients. */
  readonly port: number;
  /** An authority that is served; `/big` under it answers with more than anybody holds. */
  readonly authority: string;
  /** An authority with a pod of its own, for those who behave: what an attacked pod suffers is not the gateway's doing. */
  readonly othersAuthority: string;
  /** Of a TCP service: who begins with `w` is not read any further, everyone else gets more than anybody holds. */
  readonly tcpPort: number;
  /** Where TLS for the same pod goes through, under `tlsServerName`. */
  readonly tlsPassthroughPort: number;
  readonly tlsServerName: string;
  readonly certificateChainPem: string;
  readonly privateKeyPem: string;
  readonly rootPem: string;
}

export interface Attack {
  readonly name: string;
  /** One sentence, as in the table of gateway/limits/README.md. */
  readonly abuse: string;
  /** One of them must be counted. */
  readonly reasons: readonly RejectionReason[];
  /** Attempts begun in a second when it runs for long; each goes on until the gateway ends it. */
  readonly perSecond: number;
  /** One attempt: resolves when the gateway has put an end to it, or given its answer. */
  attempt(victim: Victim): Promise<void>;
}
