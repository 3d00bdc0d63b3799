import { z } from 'zod';
import { elapsed } from '../../federation/model/elapsed.ts';
import { attempt } from '../commands/attempt.ts';
import { type CheckStep, failed, failedBy, ok, skipped } from '../commands/check-step.ts';
import { askGateways, type GatewayAnswer, type GatewaySight } from './gateway-sight.ts';
import type { OpenRelease } from './open-release.ts';
import { jsonOf } from './release-program.ts';

const snapshotAnswer = z.object({
  federation: z.object({
    snapshot: z.object({ epoch: z.number(), version: z.number() }),
    peers: z.array(z.object({ cluster: z.string(), reach: z.string() })),
  }),
});

export type Published = z.infer<typeof snapshotAnswer>['federation'];

/**
 * What each gateway says: its certificate, its trunks, and whether what is published has come to it.
 * @param publishes whether the federation service answers, and can say what it published
 * @throws UserError where the gateways' pods cannot be listed
 */
export async function gatewaySteps(
  { site, release }: OpenRelease,
  publishes: boolean,
): Promise<readonly CheckStep[]> {
  // First: what was published by now must have come to a gateway that is asked later.
  const ran = publishes
    ? await attempt(site.look(release, ['cluster', 'status', '--output', 'json']))
    : undefined;
  const stdout = ran?.kind === 'answered' ? ran.value.stdout : '';
  const published = snapshotAnswer.safeParse(jsonOf(stdout)).data?.federation;
  return judgeGateways(await askGateways(site, release), published);
}

/** @param published what a federation service had published before the gateways were asked */
export function judgeGateways(
  sights: readonly GatewaySight[],
  published: Published | undefined,
): readonly CheckStep[] {
  if (sights.length === 0) return [skipped('gateways', 'none is ready')];
  const left = new Set(
    published?.peers.filter(({ reach }) => reach === 'left').map(({ cluster }) => cluster) ?? [],
  );
  return sights.flatMap(({ pod, answer }) => {
    if (answer.kind === 'failed') return [failedBy(`gateway ${pod}`, answer.error)];
    return [
      readiness(pod, answer.value),
      ...trunks(pod, answer.value, left),
      propagation(pod, answer.value, published),
    ];
  });
}

function readiness(pod: string, { ready, control, workers, svid }: GatewayAnswer): CheckStep {
  const name = `gateway ${pod}`;
  const reason = control.reason === undefined ? '' : `: ${control.reason}`;
  const cure = 'see its log; is the federation service running?';
  if (!ready) return failed(name, `not ready: control plane ${control.kind}${reason}`, cure);
  if (control.kind === 'away') {
    return failed(name, `serves what it last had; the federation service is away${reason}`, cure);
  }
  if (svid === undefined) return failed(name, 'has no certificate', cure);
  return ok(name, `${workers.length} workers, certificate for ${elapsed(svid.expiresInSeconds * 1000)}`);
}

/** Each pod keeps one open to each peer: TCP, TLS and the peer's identity are proven by it. */
function trunks(pod: string, { peers }: GatewayAnswer, left: ReadonlySet<string>): readonly CheckStep[] {
  return peers
    .filter(({ cluster }) => !left.has(cluster))
    .map(({ cluster, trunk }) => {
      const name = `trunk of ${pod} to ${cluster}`;
      if (trunk?.up === true) return ok(name, `up, round trip ${(trunk.rttSeconds * 1000).toFixed(1)} ms`);
      return failed(
        name,
        trunk === null ? 'none came up yet' : 'down',
        `can pods of this cluster reach the gateways of ${cluster}? isthmus cluster list names their addresses`,
      );
    });
}

function propagation(pod: string, { snapshot }: GatewayAnswer, published: Published | undefined): CheckStep {
  const name = `propagation to ${pod}`;
  if (published === undefined)
    return skipped(name, 'the federation service says nothing of what it published');
  const { epoch, version } = published.snapshot;
  if (snapshot === undefined) return failed(name, 'it has no snapshot', 'see the log of the gateway');
  const has = `snapshot ${snapshot.epoch}/${snapshot.version}, ${snapshot.services} services`;
  // Of several replicas each counts for itself; which of them was asked is chance.
  if (snapshot.epoch !== epoch) return ok(name, `${has}, of another replica than the one that was asked`);
  if (snapshot.version >= version) return ok(name, has);
  return failed(
    name,
    `it has ${snapshot.version}, and ${version} is published`,
    'check again; if it stays behind, see the log of the gateway: it may have refused a snapshot',
  );
}
