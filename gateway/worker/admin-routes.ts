import { UserError } from '../../federation/model/user-error.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { TelemetryPages } from '../../federation/runtime/telemetry-server.ts';
import { snapshotToJson } from '../../federation/wire/snapshot-message.ts';
import { type AdminAnswer, type AdminHandler, type AdminRoutes, json } from '../admin/admin-server.ts';
import type { GatewayConfig } from '../config.ts';
import type { ControlPlane } from '../control/control-plane.ts';
import type { RouteTable } from '../routing/route-table.ts';
import { answerWhy } from '../routing/why-answer.ts';
import { METRICS_CONTENT_TYPE } from '../telemetry/exposition.ts';
import { podSamples } from '../telemetry/pod-samples.ts';
import type { GatewayPicture } from './gateway-picture.ts';
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
        body: snapshotToJson(tableOf(picture).snapshot),
      }),
    ],
    ['GET /peers', () => json(200, { peers: peers(context) })],
    [
      'GET /why',
      (query) => {
        const answer = answerWhy(clock.now(), tableOf(picture), query);
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
    ...podSamples(clock.now(), { snapshot: picture.table?.snapshot, svid: control.svid.value }),
    picture.propagation.samples(),
  ];
  return { status: 200, contentType: METRICS_CONTENT_TYPE, body: await metrics.text(samples) };
}

function tableOf(picture: GatewayPicture): RouteTable {
  if (picture.table !== undefined) return picture.table;
  throw new UserError('this gateway has no snapshot yet', { hint: 'is its federation service running?' });
}

function readiness(context: AdminContext) {
  const ready = context.ready();
  const { control, team } = context;
  const lacks = [
    ...(control.svid.value === undefined ? ['an SVID'] : []),
    ...(team.picture.table === undefined ? ['a snapshot'] : []),
    ...(team.pids.length === 0 ? ['a worker'] : []),
  ];
  return json(ready ? 200 : 503, ready ? { status: 'ready' } : { status: 'not ready', lacks });
}

function status(context: AdminContext) {
  const { clock, config, control, team } = context;
  const snapshot = team.picture.table?.snapshot;
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
  return [...(picture.table?.snapshot.peers.values() ?? [])].map((peer) => ({
    ...peer,
    trunk: findings.peers.of(peer.cluster) ?? null,
  }));
}
