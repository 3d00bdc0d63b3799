import { BlockList, isIPv6 } from 'node:net';
import { z } from 'zod';

const labels = z.record(z.string(), z.string());
const selector = z.strictObject({
  matchLabels: labels.default({}),
  matchExpressions: z
    .array(
      z.strictObject({
        key: z.string(),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(z.string()).default([]),
      }),
    )
    .default([]),
});
const peer = z.strictObject({
  podSelector: selector.optional(),
  namespaceSelector: selector.optional(),
  ipBlock: z.strictObject({ cidr: z.string(), except: z.array(z.string()).default([]) }).optional(),
});
const port = z.strictObject({
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
  port: z.union([z.int(), z.string()]).optional(),
  endPort: z.int().optional(),
});

/** networking.k8s.io/v1, as far as it is about who may come in. */
export const networkPolicy = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string() }),
  spec: z.strictObject({
    podSelector: selector,
    policyTypes: z.array(z.enum(['Ingress', 'Egress'])),
    ingress: z
      .array(z.strictObject({ from: z.array(peer).default([]), ports: z.array(port).default([]) }))
      .default([]),
  }),
});

export type NetworkPolicy = z.infer<typeof networkPolicy>;
type Selector = z.infer<typeof selector>;
type Labels = Readonly<Record<string, string>>;

export interface PlacedPod {
  readonly namespace: string;
  readonly labels: Labels;
}

/** Where a connection comes from: a pod, or an address that is no pod's. */
export type FlowSource = PlacedPod | { readonly address: string };

/** A pod's open port, by number, and by name where the container gives it one. */
export interface FlowPort {
  readonly number: number;
  readonly name?: string;
}

/**
 * Whether the policies let a TCP connection in: a pod that none selects takes everything, another one what any rule of any
 * of its policies allows. Namespaces have the label of their name, as in Kubernetes, and no other.
 */
export function letsIn(
  policies: readonly NetworkPolicy[],
  from: FlowSource,
  to: PlacedPod,
  at: FlowPort,
): boolean {
  const own = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === to.namespace &&
      spec.policyTypes.includes('Ingress') &&
      selects(spec.podSelector, to.labels),
  );
  if (own.length === 0) return true;
  return own.some(({ metadata, spec }) =>
    spec.ingress.some(
      (rule) =>
        (rule.from.length === 0 || rule.from.some((each) => isPeer(each, from, metadata.namespace))) &&
        (rule.ports.length === 0 || rule.ports.some((each) => isPort(each, at))),
    ),
  );
}

function isPeer(
  { podSelector, namespaceSelector, ipBlock }: z.infer<typeof peer>,
  from: FlowSource,
  namespace: string,
): boolean {
  if ('address' in from) return ipBlock !== undefined && isInBlock(ipBlock, from.address);
  if (ipBlock !== undefined || (podSelector === undefined && namespaceSelector === undefined)) return false;
  const place =
    namespaceSelector === undefined
      ? from.namespace === namespace
      : selects(namespaceSelector, { 'kubernetes.io/metadata.name': from.namespace });
  return place && (podSelector === undefined || selects(podSelector, from.labels));
}

function isInBlock({ cidr, except }: { cidr: string; except: readonly string[] }, address: string): boolean {
  const within = (block: string): boolean => {
    const [network = '', prefix = ''] = block.split('/');
    const list = new BlockList();
    list.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4');
    return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  };
  return within(cidr) && !except.some(within);
}

function isPort({ protocol, port: wanted, endPort }: z.infer<typeof port>, at: FlowPort): boolean {
  if (protocol !== 'TCP') return false;
  if (wanted === undefined) return true;
  if (typeof wanted === 'string') return wanted === at.name;
  return at.number >= wanted && at.number <= (endPort ?? wanted);
}

function selects({ matchLabels, matchExpressions }: Selector, found: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => found[key] === value) &&
    matchExpressions.every((expression) => holds(expression, found[expression.key]))
  );
}

function holds(
  { operator, values }: Selector['matchExpressions'][number],
  value: string | undefined,
): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}
