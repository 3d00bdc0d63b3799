import type { Clock } from '../../federation/runtime/clock.ts';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { TelemetryServer } from '../../federation/runtime/telemetry-server.ts';
import { type AdminHandler, AdminServer, json, openError } from '../admin/admin-server.ts';
import type { ProcessConfig } from '../config.ts';
import type { OperationLog } from '../telemetry/operation-log.ts';

const REASON = 'not a member of a clusterset yet: isthmus cluster register makes it one';

/**
 * What a gateway answers while its cluster is no member: it is well, and does nothing. Close what it gives before a
 * gateway starts. @throws UserError when an address is occupied
 */
export async function openWaitingRoom(
  config: Pick<ProcessConfig, 'admin' | 'telemetry'>,
  cluster: string,
  clock: Clock,
  log: OperationLog,
): Promise<Lifetime> {
  const room = new Lifetime();
  const ready: AdminHandler = () => json(200, { status: 'waiting', reason: REASON });
  const status = {
    cluster,
    ready: true,
    control: { kind: 'waiting', reason: REASON },
    workers: [],
    peers: [],
  };
  const admin = await AdminServer.open(
    config.admin,
    new Map<string, AdminHandler>([
      ['GET /healthz', () => json(200, { status: 'ok' })],
      ['GET /readyz', ready],
      ['GET /status', () => json(200, status)],
    ]),
  );
  room.add(() => admin.close());
  const { telemetry } = config;
  if (telemetry === undefined) return room;
  try {
    const server = await TelemetryServer.open(telemetry, {
      clock,
      pages: {
        '/healthz': () => json(200, { status: 'ok' }),
        '/readyz': () => json(200, { status: 'waiting' }),
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
