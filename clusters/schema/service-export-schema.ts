import { z } from 'zod';
import { serviceMetadata } from './metadata.ts';

/** `multicluster.x-k8s.io` ServiceExport (KEP-1645): offers the service of its own name. */
export const serviceExportSchema = z.object({
  kind: z.literal('ServiceExport'),
  metadata: serviceMetadata,
});

export type ServiceExportObject = z.infer<typeof serviceExportSchema>;
