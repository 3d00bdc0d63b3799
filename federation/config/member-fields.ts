import { z } from 'zod';
import { isDnsLabel, isPlaceName } from '../model/cluster.ts';
import { parseHostPort } from '../model/endpoint.ts';
import { isTrustDomain } from '../model/identity.ts';

/** What gateway.yaml and federation.yaml both say of their cluster, by the same rules. */

export const cluster = z
  .string()
  .refine(isDnsLabel, 'must be a DNS label: a-z 0-9 and -, at most 63 characters');

export const clusterset = z.string().refine(isTrustDomain, 'must be a domain of a-z 0-9 . _ -');

export const place = z.string().refine(isPlaceName, "must be as a Kubernetes label's value");

export const locality = z.strictObject({ region: place, zone: place });

/** Something to dial, so not port 0. */
export const hostAndPort = z.string().transform((text, context) => {
  const found = parseHostPort(text);
  if (found !== undefined && found.port > 0) return found;
  context.addIssue('must be HOST:PORT, e.g. 10.0.0.1:15443');
  return z.NEVER;
});

/** A listener that the network reaches, for what only tells how a program does. */
export const telemetry = z.strictObject({
  host: z.string().min(1).default('0.0.0.0'),
  port: z.int().min(0).max(65_535),
});
