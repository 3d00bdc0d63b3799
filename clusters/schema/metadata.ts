import { z } from 'zod';
import { DNS_LABEL } from '../../federation/model/cluster.ts';
import type { ServiceName } from '../../federation/model/service.ts';
import { inCel } from './kubernetes-rule.ts';

export const PLACE_NAME_OR_NONE = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;
const SUBDOMAIN = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** An RFC 1123 label: what namespaces, services and clusters are called. */
export const dnsLabel = z
  .string()
  .regex(
    DNS_LABEL,
    'is not a name of at most 63 of a-z, 0-9 and -, beginning and ending with a letter or digit',
  )
  .meta({ maxLength: 63 });

/** An RFC 1123 subdomain: what other objects are called. */
const objectName = z.string().regex(SUBDOMAIN, 'is not a name of a-z, 0-9, - and .').meta({ maxLength: 253 });

/** Of a label's value (Kubernetes' grammar): what zones and regions are called. Empty where it is not known. */
export const placeName = z
  .string()
  .regex(
    PLACE_NAME_OR_NONE,
    'is not a name of at most 63 letters, digits, -, _ and ., beginning and ending with a letter or digit',
  )
  .meta({ maxLength: 63 });

/** What gateways take of a text: no control characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const WITHOUT_CONTROLS = /^[^\x00-\x1f\x7f]*$/;

export const plainText = z.string().regex(WITHOUT_CONTROLS, 'has control characters');

/** A TCP port. */
export const port = z
  .int({
    error: ({ input }) => (input === undefined ? 'is missing (a port)' : 'is not a port (1 to 65535)'),
  })
  .min(1, 'is not a port (1 to 65535)')
  .max(65_535, 'is not a port (1 to 65535)');

const creationTimestamp = z.iso.datetime({ offset: true, error: 'is not an RFC 3339 time' });

/** Kubernetes' ObjectMeta as far as it is read; other fields are let be. */
export const metadata = z.object({
  name: objectName,
  namespace: dnsLabel.default('default'),
  labels: z.record(z.string(), z.string()).default({}),
  creationTimestamp: creationTimestamp.nullish(),
});

/** For kinds whose name is a service's. */
export const serviceMetadata = metadata.extend({ name: dnsLabel });

/** For kinds whose status says which version of an object it speaks of. */
export const versionedMetadata = metadata.extend({ generation: z.int().min(0).optional() });

export type Metadata = z.infer<typeof metadata>;

/** Unix ms, or undefined where the object does not say. */
export function createdAtMs(meta: Metadata): number | undefined {
  return meta.creationTimestamp == null ? undefined : Date.parse(meta.creationTimestamp);
}

const TARGET_KINDS: Readonly<Record<string, string>> = {
  Service: '',
  ServiceImport: 'multicluster.x-k8s.io',
};

/** Gateway API policy attachment (GEP-713): a Service, or a ServiceImport, of the policy's own namespace. */
export const targetRefs = z
  .array(
    z
      .strictObject({
        group: z.string().default('').meta({
          description:
            'API group of the target: empty for a Service, `multicluster.x-k8s.io` for a ServiceImport.',
          maxLength: 253,
        }),
        kind: z
          .enum(['Service', 'ServiceImport'])
          .describe('Kind of the target: `Service`, or `ServiceImport` for what other clusters export.'),
        name: dnsLabel.describe('Name of the target, in the namespace of the policy, such as `payments`.'),
      })
      .refine((target) => TARGET_KINDS[target.kind] === target.group, {
        message: 'the group of a Service is "", of a ServiceImport multicluster.x-k8s.io',
        path: ['group'],
        ...inCel("self.group == (self.kind == 'Service' ? '' : 'multicluster.x-k8s.io')"),
      }),
  )
  .min(1, 'names no target')
  .max(16, 'names more than 16 targets')
  .describe(
    'The services that the policy is for, at most 16, all of its own namespace (Gateway API policy attachment). ' +
      'Of two policies of a kind for one service the older holds.',
  );

export function targetServices(namespace: string, refs: z.infer<typeof targetRefs>): ServiceName[] {
  return refs.map(({ name }) => ({ namespace, name }));
}
