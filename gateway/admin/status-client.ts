import { request } from 'node:http';
import { z } from 'zod';
import { elapsed } from '../../federation/model/elapsed.ts';
import { hostPort, parseHostPort } from '../../federation/model/endpoint.ts';
import { UserError } from '../../federation/model/user-error.ts';
import type { AdminAddress } from '../config.ts';

/** What `GET /status` answers, as far as it is printed; the rest passes through. */
const gatewayStatus = z.looseObject({
  cluster: z.string(),
  ready: z.boolean(),
  control: z.looseObject({ kind: z.string(), reason: z.string().optional() }),
  workers: z.array(z.number()),
  snapshot: z
    .looseObject({ epoch: z.number(), version: z.number(), createdAtMs: z.number(), services: z.number() })
    .optional(),
  svid: z.looseObject({ id: z.string(), expiresInSeconds: z.number() }).optional(),
  peers: z.array(
    z.looseObject({
      cluster: z.string(),
      reach: z.string(),
      health: z.looseObject({ kind: z.string() }),
      trunk: z.looseObject({ up: z.boolean(), sinceMs: z.number(), rttSeconds: z.number() }).nullable(),
    }),
  ),
});

export type GatewayStatus = z.infer<typeof gatewayStatus>;

const TIMEOUT_MS = 5_000;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/**
 * Asks a running gateway how it is.
 * @param address as configured, or `HOST:PORT`, or the path of a unix socket
 * @throws UserError when nobody answers there, or somebody else does
 */
export async function askStatus(address: AdminAddress | string): Promise<GatewayStatus> {
  const target = typeof address === 'string' ? parseAddress(address) : address;
  const where = 'socket' in target ? target.socket : hostPort(target.host, target.port);
  const text = await get('socket' in target ? { socketPath: target.socket } : target, where);
  try {
    const parsed = gatewayStatus.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new UserError(`${where} is not the admin endpoint of a gateway`, {
    hint: 'see admin in gateway.yaml',
  });
}

export function printStatus(status: GatewayStatus, nowMs: number): string {
  const { snapshot, svid, control } = status;
  const lines = [
    `gateway of ${status.cluster}: ${status.ready ? 'ready' : 'not ready'}`,
    `  workers     ${status.workers.length} (${status.workers.join(', ')})`,
    `  federation  ${control.kind}${control.reason === undefined ? '' : `: ${control.reason}`}`,
    snapshot === undefined
      ? '  snapshot    none yet'
      : `  snapshot    ${snapshot.epoch}/${snapshot.version}, ${snapshot.services} services`,
    svid === undefined
      ? '  SVID        none yet'
      : `  SVID        ${svid.id}, ${expiryText(svid.expiresInSeconds)}`,
  ];
  for (const { cluster, reach, health, trunk } of status.peers) {
    lines.push(`  peer        ${cluster}: ${reach}, ${health.kind}, ${trunkText(trunk, nowMs)}`);
  }
  return lines.join('\n');
}

function expiryText(seconds: number): string {
  const time = elapsed(seconds * 1000);
  return seconds < 0 ? `expired ${time} ago` : `expires in ${time}`;
}

function trunkText(trunk: GatewayStatus['peers'][number]['trunk'], nowMs: number): string {
  if (trunk === null) return 'no trunk yet';
  const since = elapsed(Math.max(0, nowMs - trunk.sinceMs));
  const rtt = trunk.up && trunk.rttSeconds > 0 ? `, ${(trunk.rttSeconds * 1000).toFixed(1)} ms` : '';
  return `trunk ${trunk.up ? 'up' : 'down'} for ${since}${rtt}`;
}

function parseAddress(text: string): AdminAddress {
  return parseHostPort(text) ?? { socket: text };
}

function get(
  target: { host: string; port: number } | { socketPath: string },
  where: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      const code = 'code' in error ? String(error.code) : error.message;
      reject(
        new UserError(`no gateway answers on ${where} (${code})`, {
          hint: 'is it running? `isthmus gateway run --config FILE` starts it',
          cause: error,
        }),
      );
    };
    const options = { ...target, path: '/status', headers: { host: 'localhost' }, timeout: TIMEOUT_MS };
    const asked = request(options, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES) asked.destroy(new Error('its answer has no end'));
        else chunks.push(chunk);
      });
      response.once('error', fail);
      response.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.once('error', fail);
    asked.end();
  });
}
