import { z } from 'zod';
import type { BackendGrant } from '../../federation/model/mesh-route.ts';
import { dnsLabel, metadata } from './metadata.ts';

const ROUTE_GROUP = 'gateway.networking.k8s.io';

/** `gateway.networking.k8s.io` ReferenceGrant: who may name objects of its namespace. */
export const referenceGrantSchema = z.object({
  kind: z.literal('ReferenceGrant'),
  metadata,
  spec: z.object({
    from: z
      .array(z.object({ group: z.string().max(253), kind: z.string().max(63), namespace: dnsLabel }))
      .min(1, 'names nobody')
      .max(16, 'has more than 16 entries'),
    to: z
      .array(
        z.object({
          group: z.string().max(253),
          kind: z.string().max(63),
          name: z.string().max(253).optional(),
        }),
      )
      .min(1, 'names nothing')
      .max(16, 'has more than 16 entries'),
  }),
});

export type ReferenceGrantObject = z.infer<typeof referenceGrantSchema>;

/** As far as it speaks of routes and services; entries of other kinds are other people's. */
export function toBackendGrant(object: ReferenceGrantObject): BackendGrant {
  return {
    namespace: object.metadata.namespace,
    from: object.spec.from.flatMap(({ group, kind, namespace }) =>
      group === ROUTE_GROUP && (kind === 'HTTPRoute' || kind === 'GRPCRoute') ? [{ kind, namespace }] : [],
    ),
    to: object.spec.to.flatMap(({ group, kind, name }): BackendGrant['to'] => {
      if (kind === 'Service' && group === '') return [{ kind, name }];
      return kind === 'ServiceImport' && group === 'multicluster.x-k8s.io' ? [{ kind, name }] : [];
    }),
  };
}
