import { z } from 'zod';
import type { Locality } from '../../federation/model/cluster.ts';
import { placeName } from '../schema/metadata.ts';

const REGION_LABEL = 'topology.kubernetes.io/region';
const ZONE_LABEL = 'topology.kubernetes.io/zone';

const node = z.object({
  metadata: z.object({
    labels: z
      .object({
        [REGION_LABEL]: placeName.optional().catch(undefined),
        [ZONE_LABEL]: placeName.optional().catch(undefined),
      })
      .catch({}),
  }),
});

/** Where a node's labels say that it is; undefined where they say nothing. */
export function nodePlace(object: unknown): Partial<Locality> | undefined {
  const labels = node.safeParse(object).data?.metadata.labels;
  const region = labels?.[REGION_LABEL];
  const zone = labels?.[ZONE_LABEL];
  if (region === undefined && zone === undefined) return undefined;
  return { ...(region === undefined ? {} : { region }), ...(zone === undefined ? {} : { zone }) };
}
