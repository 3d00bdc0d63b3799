import { z } from 'zod';
import { MAX_DRAIN_MS } from '../../federation/model/drain.ts';
import { parseHostPort } from '../../federation/model/endpoint.ts';
import type { PeerRule } from '../provider.ts';
import { duration, durationFromTo } from './duration.ts';
import { dnsLabel, versionedMetadata } from './metadata.ts';

const HOST_AND_PORT =
  /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253}):([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$/;
const DEFAULT_DRAIN_MS = 30_000;

const drain = z.strictObject({
  duration: duration
    .refine(...durationFromTo(0, MAX_DRAIN_MS))
    .default(DEFAULT_DRAIN_MS)
    .describe(
      'Time in which the share of the peer goes evenly down to nothing, from `0s` to `24h`, such as `5m`; `0s` takes it ' +
        'away at once.',
    ),
  since: z.iso
    .datetime({ offset: true, error: 'is not an RFC 3339 time, such as 2026-01-31T12:00:00Z' })
    .optional()
    .describe(
      'When the drain began, such as `2026-01-31T12:00:00Z`; a time to come begins it then. Without it the drain ' +
        'begins when each replica of the federation service first sees it; a replica that starts without memory takes ' +
        'it for done.',
    ),
});

/** `isthmus.io/v1alpha1` ClusterPeer: another member, by its name, and what it may do here. */
export const clusterPeerSchema = z
  .object({
    kind: z.literal('ClusterPeer'),
    metadata: versionedMetadata.extend({ name: dnsLabel }),
    spec: z
      .strictObject({
        trustDomain: z
          .string()
          .max(255)
          .optional()
          .describe(
            'SPIFFE trust domain of the cluster, such as `west.mesh.example`: its name and that of the clusterset. With ' +
              'any other nothing of it is trusted. Joining writes it.',
          ),
        gateways: z
          .array(
            z.string().max(300).regex(HOST_AND_PORT, 'is not host:port, such as gateway.west.example:15443'),
          )
          .max(32)
          .optional()
          .describe(
            'Where its gateways are dialled until it publishes their addresses itself, as `host:port`, such as ' +
              '`gateway.west.example:15443`, at most 32. Joining writes them.',
          ),
        allowedNamespaces: z
          .array(dnsLabel)
          .max(1000)
          .optional()
          .describe(
            'Namespaces in which it may offer services here, such as `shop`, at most 1000. Without the field in all, ' +
              'with an empty list in none.',
          ),
        drain: drain
          .optional()
          .describe(
            "Takes the requests of this cluster's clients away from the peer; what nobody else can answer it keeps. In the " +
              "ClusterPeer of a cluster's own name it takes away those of all clusters. Remove it to let them come back " +
              'by steps.',
          ),
      })
      .prefault({})
      .describe('Who the other cluster is, where it is, and what it may do here.'),
  })
  .describe(
    'ClusterPeer is another member of the clusterset, under its name there, as this cluster sees it: who it is, where ' +
      'its gateways are, what it may offer here. Its conditions say whether the two are connected.',
  );

export type ClusterPeerObject = z.infer<typeof clusterPeerSchema>;

export function toPeerRule(object: ClusterPeerObject): PeerRule {
  const { allowedNamespaces, trustDomain, gateways, drain } = object.spec;
  const order = drain && { overMs: drain.duration, sinceMs: sinceOf(drain) };
  const addresses = (gateways ?? []).map(parseHostPort).filter((found) => found !== undefined);
  return {
    cluster: object.metadata.name,
    allowedNamespaces,
    ...(trustDomain === undefined ? {} : { trustDomain }),
    ...(addresses.length === 0 ? {} : { gateways: addresses }),
    ...(order && { drain: order }),
  };
}

function sinceOf({ since }: z.infer<typeof drain>): number | undefined {
  // A time before 1970 is one long ago.
  return since === undefined ? undefined : Math.max(0, Date.parse(since));
}
