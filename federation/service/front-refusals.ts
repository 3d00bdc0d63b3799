/** Why the federation service closes connections: the words of `isthmus_federation_rejected_total{reason}`. */
export const FRONT_REFUSALS = {
  'source-limit': 'more connections of one source that have not authenticated than it may have',
  'stranger-limit': 'one that had not authenticated made way, for there were too many of its kind',
  'connection-limit': 'more connections than there may be',
  'not-serving': 'the service is starting',
  'tls-handshake': 'a TLS handshake failed, or took too long',
  'not-our-gateway': "a certificate that is not of this cluster's gateway, or that breaks a rule",
} as const;

export type FrontRefusal = keyof typeof FRONT_REFUSALS;

/** How many there were since the start. */
export type RefusalCounts = Readonly<Record<FrontRefusal, number>>;

export class RefusalMeter {
  readonly #counts: Record<FrontRefusal, number> = {
    'source-limit': 0,
    'stranger-limit': 0,
    'connection-limit': 0,
    'not-serving': 0,
    'tls-handshake': 0,
    'not-our-gateway': 0,
  };

  get counts(): RefusalCounts {
    return { ...this.#counts };
  }

  count(reason: FrontRefusal): void {
    this.#counts[reason]++;
  }
}
