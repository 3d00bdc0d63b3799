import { UserError } from '../../federation/model/user-error.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { TelemetryPages } from '../../federation/runtime/telemetry-server.ts';
import { snapshotToJson } from '../../federation/wire/snapshot-message.ts';
import { type AdminAnswer, type AdminHandler, type AdminRoutes, json } from '../admin/admin-server.ts';
import type { GatewayConfig } from '../config.ts';
import type { ControlPlane } from '../control/control-plane.ts';
import { answerWhy } from '../routing/why-answer.ts';
import { METRICS_CONTENT_TYPE } from '../telemetry/exposition.ts';
import { podSamples } from '../telemetry/pod-samples.ts';
import type { WorkerTeam } from './worker-team.ts';

export interface AdminContext {
  readonly clock: Clock;
  readonly config: GatewayConfig;
  readonly control: ControlPlane;
  readonly team: WorkerTeam;
  readonly ready: () => boolean;
  readonly servicePorts: () => readonly number[];
  readonly drain: () => void;
}

/** The pages of a gateway's admin endpoint. */
export function adminRoutes(context: AdminContext): AdminRoutes {
  const { clock, team } = context;
  const { picture } = team;
  return new Map<string, AdminHandler>([
    ['GET /healthz', health],
    ['GET /readyz', () => readiness(context)],
    ['GET /status', () => json(200, status(context))],
    ['GET /metrics', () => metricsPage(context)],
    [
      'GET /snapshot',
      () => ({
        status: 200,
        contentType: 'application/json',
        body: snapshotToJson(inForce(picture.snapshot)),
      }),
    ],
    ['GET /peers', () => json(200, { peers: peers(context) })],
    [
      'GET /why',
      (query) => {
        const answer = answerWhy(clock.now(), inForce(picture.table()), query);
        return json(answer.status, answer.body);
      },
    ],
    [
      'POST /drain',
      () => {
        context.drain();
        return json(202, { status: 'draining' });
      },
    ],
  ]);
}

/** What the network may read of them. */
export function telemetryPages(context: AdminContext): TelemetryPages {
  return {
    '/healthz': health,
    '/readyz': () => readiness(context),
    '/metrics': () => metricsPage(context),
  };
}

function health(): AdminAnswer {
  return json(200, { status: 'ok' });
}

async function metricsPage({ clock, control, team }: AdminContext): Promise<AdminAnswer> {
  const { picture, metrics } = team;
  const samples = () => [
    ...podSamples(clock.now(), { snapshot: picture.snapshot, svid: control.svid.value }),
    picture.propagation.samples(),
  ];
  return { status: 200, contentType: METRICS_CONTENT_TYPE, body: await metrics.text(samples) };
}

function inForce<T>(found: T | undefined): T {
  if (found !== undefined) return found;
  throw new UserError('this gateway has no snapshot yet', { hint: 'is its federation service running?' });
}

function readiness(context: AdminContext) {
  const ready = context.ready();
  const { control, team } = context;
  const lacks = [
    ...(control.svid.value === undefined ? ['an SVID'] : []),
    ...(team.picture.snapshot === undefined ? ['a snapshot'] : []),
    ...(team.pids.length === 0 ? ['a worker'] : []),
  ];
  return json(ready ? 200 : 503, ready ? { status: 'ready' } : { status: 'not ready', lacks });
}

function status(context: AdminContext) {
  const { clock, config, control, team } = context;
  const snapshot = team.picture.snapshot;
  const svid = control.svid.value;
  return {
    cluster: config.local.name,
    trustDomain: config.local.trustDomain,
    ready: context.ready(),
    control: control.state.value,
    workers: team.pids,
    snapshot: snapshot && {
      epoch: snapshot.epoch,
      version: snapshot.version,
      createdAtMs: snapshot.createdAtMs,
      services: snapshot.services.size,
    },
    svid: svid && {
      id: svid.id.text,
      serial: svid.serial,
      notAfterMs: svid.notAfterMs,
      expiresInSeconds: Math.round((svid.notAfterMs - clock.now()) / 1000),
    },
    servicePorts: context.servicePorts(),
    peers: peers(context),
  };
}

function peers({ team }: AdminContext) {
  const { picture, findings } = team;
  return [...(picture.snapshot?.peers.values() ?? [])].map((peer) => ({
    ...peer,
    trunk: findings.peers.of(peer.cluster) ?? null,
  }));
}
