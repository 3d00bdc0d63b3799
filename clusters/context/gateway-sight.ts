import { z } from 'zod';
import { UserError } from '../../federation/model/user-error.ts';
import { type Attempt, attempt } from '../commands/attempt.ts';
import type { Release, ReleaseSite } from './kubernetes-site.ts';
import type { PodSight } from './pod-sight.ts';
import { jsonOf, refusal } from './release-program.ts';

/** Where the chart mounts it. */
const GATEWAY_FILE = '/etc/isthmus/gateway.yaml';
/** Each is a WebSocket and a process in a pod. */
const AT_ONCE = 8;

/** `isthmus gateway status --output json`, as far as these commands need it. */
const gatewayAnswer = z.object({
  ready: z.boolean(),
  control: z.object({ kind: z.string(), reason: z.string().optional() }),
  workers: z.array(z.number()),
  snapshot: z.object({ epoch: z.number(), version: z.number(), services: z.number() }).optional(),
  svid: z.object({ expiresInSeconds: z.number() }).optional(),
  peers: z.array(
    z.object({
      cluster: z.string(),
      trunk: z.object({ up: z.boolean(), sinceMs: z.number(), rttSeconds: z.number() }).nullable(),
    }),
  ),
});

export type GatewayAnswer = z.infer<typeof gatewayAnswer>;

/** What the gateway in one pod says of itself. */
export interface GatewaySight {
  readonly pod: string;
  readonly answer: Attempt<GatewayAnswer>;
}

/** Asks the gateways of a release that are ready, each in its own pod. @throws UserError where the API fails */
export async function askGateways(site: ReleaseSite, release: Release): Promise<readonly GatewaySight[]> {
  const pods = (await site.pods(release, 'gateway')).filter(({ ready }) => ready);
  const sights: GatewaySight[] = [];
  for (let from = 0; from < pods.length; from += AT_ONCE) {
    const some = pods.slice(from, from + AT_ONCE);
    sights.push(...(await Promise.all(some.map((pod) => askGateway(site, release, pod)))));
  }
  return sights;
}

async function askGateway(site: ReleaseSite, release: Release, { name }: PodSight): Promise<GatewaySight> {
  const args = ['gateway', 'status', '--config', GATEWAY_FILE, '--output', 'json'];
  const asking = site.runIn(release, { component: 'gateway', pod: name }, args).then((ran) => {
    const answer = gatewayAnswer.safeParse(jsonOf(ran.stdout));
    // Its exit code is 3 where it is not ready, which is told with the rest.
    if (answer.success) return answer.data;
    if (ran.exitCode !== 0) throw refusal(ran, { release });
    throw new UserError('what it answers is not as it should be', {
      hint: 'use the isthmus command of the same version as the chart',
    });
  });
  return { pod: name, answer: await attempt(asking) };
}
