import type { Clock } from '../../federation/runtime/clock.ts';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { TelemetryServer } from '../../federation/runtime/telemetry-server.ts';
import { type AdminAnswer, AdminServer, json, openError } from '../admin/admin-server.ts';
import type { ProcessConfig } from '../config.ts';
import type { OperationLog } from '../telemetry/operation-log.ts';

/** What is known of the cluster's membership to a gateway that has none. */
export type MembershipWord =
  /** Nobody has said it yet; `problem` is why not, where asking failed. */
  | { readonly kind: 'unknown'; readonly problem: string | undefined }
  /** The API server said that there is none. */
  | { readonly kind: 'none' }
  /** What is there cannot be this gateway's, such as one of another cluster's name. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Why a gateway waits; ready only where waiting is known to be right. */
export interface Wait {
  readonly ready: boolean;
  readonly reason: string;
}

export function waitOf(word: MembershipWord): Wait {
  switch (word.kind) {
    case 'none':
      return {
        ready: true,
        reason: 'not a member of a clusterset yet: isthmus cluster register makes it one',
      };
    case 'unknown': {
      const why = word.problem === undefined ? '' : `: ${word.problem}`;
      return {
        ready: false,
        reason: `the Kubernetes API has not said yet whether this cluster is a member${why}`,
      };
    }
    case 'refused':
      return { ready: false, reason: word.reason };
  }
}

/**
 * What a gateway answers while it has no membership: it is well, and does nothing. Close what it gives before a gateway
 * starts. @throws UserError when an address is occupied
 */
export async function openWaitingRoom(
  config: Pick<ProcessConfig, 'admin' | 'telemetry'>,
  waitingAs: { readonly cluster: string; readonly wait: () => Wait },
  clock: Clock,
  log: OperationLog,
): Promise<Lifetime> {
  const room = new Lifetime();
  const admin = await AdminServer.open(config.admin, adminPages(waitingAs));
  room.add(() => admin.close());
  const { telemetry } = config;
  if (telemetry === undefined) return room;
  try {
    const server = await TelemetryServer.open(telemetry, {
      clock,
      pages: {
        '/healthz': () => json(200, { status: 'ok' }),
        // Without the reason, which the network need not know.
        '/readyz': () => readiness(waitingAs.wait()),
        '/metrics': () => ({ status: 200, contentType: 'text/plain; version=0.0.4', body: '' }),
      },
      onFailure: (path, failure) => log.error({ path, failure: String(failure) }, 'telemetry failed'),
    });
    room.add(() => server.close());
    return room;
  } catch (failure) {
    await room.close();
    throw failure instanceof Error ? openError(failure, telemetry, 'telemetry') : failure;
  }
}

function adminPages({ cluster, wait }: { readonly cluster: string; readonly wait: () => Wait }) {
  return new Map<string, () => AdminAnswer>([
    ['GET /healthz', () => json(200, { status: 'ok' })],
    ['GET /readyz', () => readiness(wait(), wait().reason)],
    [
      'GET /status',
      () => {
        const { ready, reason } = wait();
        return json(200, { cluster, ready, control: { kind: 'waiting', reason }, workers: [], peers: [] });
      },
    ],
  ]);
}

function readiness({ ready }: Wait, reason?: string): AdminAnswer {
  return json(ready ? 200 : 503, { status: ready ? 'waiting' : 'starting', reason });
}
