import { readAdmin } from './admin.ts';
import { FAILBACK } from './manifests.ts';

const POLL_MS = 50;

export interface FailbackStep {
  readonly share: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * Learns from a gateway since when a cluster that came back counts as healthy. The steps follow from that and the
 * policy alone; what they did to the traffic is measured elsewhere.
 */
export class FailbackWatch {
  readonly #host: string;
  readonly #adminPort: number;
  readonly #cluster: string;
  #healthySinceMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(host: string, adminPort: number, cluster: string) {
    this.#host = host;
    this.#adminPort = adminPort;
    this.#cluster = cluster;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), POLL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Empty while the cluster has not come back. The last step is watched for as long as one interval. */
  steps(): FailbackStep[] {
    const sinceMs = this.#healthySinceMs;
    if (sinceMs === undefined) return [];
    return FAILBACK.steps.map((share, index) => {
      const fromMs = sinceMs + FAILBACK.holdDownMs + index * FAILBACK.intervalMs;
      return { share, fromMs, untilMs: fromMs + FAILBACK.intervalMs };
    });
  }

  async #look(): Promise<void> {
    const answer = await readAdmin(this.#host, this.#adminPort, '/peers');
    const sinceMs = healthySince(answer, this.#cluster);
    if (sinceMs !== undefined) this.#healthySinceMs = sinceMs;
  }
}

interface PeerAnswer {
  readonly cluster?: string;
  readonly health?: { readonly kind?: string; readonly healthySinceMs?: number };
}

function healthySince(answer: unknown, cluster: string): number | undefined {
  const peers = (answer as { peers?: readonly PeerAnswer[] } | undefined)?.peers ?? [];
  const health = peers.find((peer) => peer.cluster === cluster)?.health;
  return health?.kind === 'returning' ? health.healthySinceMs : undefined;
}
