import { isIP } from 'node:net';
import { z } from 'zod';
import { metadata } from './metadata.ts';

const podIp = z.object({ ip: z.string().refine((text) => isIP(text) !== 0, 'is not an IP address') });

/** `v1` Pod, as far as it says who calls from which address. */
export const podSchema = z.object({
  kind: z.literal('Pod'),
  metadata,
  spec: z.object({
    serviceAccountName: z
      .string()
      .max(253)
      .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'is not the name of a service account')
      .default('default'),
    hostNetwork: z.boolean().nullish(),
  }),
  status: z
    .object({ phase: z.string().nullish(), podIP: z.string().nullish(), podIPs: z.array(podIp).nullish() })
    .nullish(),
});

export type PodObject = z.infer<typeof podSchema>;

/**
 * The addresses that are this pod's alone: none of one in its node's network, which shares them with the node, and none of
 * one that has ended, whose addresses another pod may have by now.
 */
export function podAddresses({ spec, status }: PodObject): readonly string[] {
  const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  if (spec.hostNetwork === true || ended || status == null) return [];
  const listed = status.podIPs?.map(({ ip }) => ip) ?? [];
  const all = status.podIP == null ? listed : [status.podIP, ...listed];
  // In an array without room for more: there is one for each pod of the cluster.
  return [...new Set(all.filter((address) => isIP(address) !== 0))];
}
