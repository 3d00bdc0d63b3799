import { z } from 'zod';
import type { PeerRule } from '../provider.ts';
import { dnsLabel, metadata } from './metadata.ts';

/** `isthmus.io/v1alpha1` ClusterPeer: another member, by its name, and what it may do here. */
export const clusterPeerSchema = z.object({
  kind: z.literal('ClusterPeer'),
  metadata: metadata.extend({ name: dnsLabel }),
  spec: z
    .strictObject({
      trustDomain: z.string().max(255).optional(),
      gateways: z.array(z.string().max(300)).max(32).optional(),
      allowedNamespaces: z.array(dnsLabel).max(1000).optional(),
    })
    .prefault({}),
});

export type ClusterPeerObject = z.infer<typeof clusterPeerSchema>;

export function toPeerRule(object: ClusterPeerObject): PeerRule {
  return { cluster: object.metadata.name, allowedNamespaces: object.spec.allowedNamespaces };
}
