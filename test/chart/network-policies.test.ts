import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { type Manifest, manifests, missingHelm } from './helm.ts';
import { pods } from './pods.ts';

const VALUES: Readonly<Record<string, object>> = {
  'only the name': {},
  'every listener': { gateway: { tlsPassthrough: { enabled: true } } },
  'other ports': {
    gateway: {
      httpPort: 8080,
      meshPort: 8443,
      telemetryPort: 9090,
      servicePorts: { from: 20000, to: 20099 },
    },
    federation: { listenPort: 7010, issuerPort: 7013, telemetryPort: 7012 },
  },
  'a Redis of the user': {
    store: { redis: { urls: ['rediss://redis.example:6379'], existingSecret: 'redis' } },
  },
};

/** Who may come from where, so that neither is opened by mistake. */
const FROM: Readonly<Record<string, readonly string[]>> = {
  gateway: ['mesh: anywhere', 'tls: anywhere', 'http: pods', 'services: pods', 'telemetry: pods'],
  federation: ['grpc: gateways', 'issuer: gateways', 'telemetry: pods'],
  redis: ['redis: anywhere'],
};

const labels = z.record(z.string(), z.string());
const policy = z.object({
  spec: z.object({
    podSelector: z.object({ matchLabels: labels }),
    policyTypes: z.array(z.string()),
    ingress: z.array(
      z.object({
        from: z.array(z.record(z.string(), z.unknown())).min(1).optional(),
        ports: z
          .array(z.object({ protocol: z.literal('TCP'), port: z.int(), endPort: z.int().optional() }))
          .min(1),
      }),
    ),
  }),
});
const deployment = z.object({ spec: z.object({ template: z.object({ metadata: z.object({ labels }) }) }) });
const service = z.object({
  spec: z.object({ selector: labels, ports: z.array(z.object({ targetPort: z.string() })) }),
});
const listener = z.object({ host: z.string(), port: z.int() });
const configuration = z.record(z.string(), z.unknown());

type Policy = z.infer<typeof policy>;

describe('network policies of the chart', { skip: missingHelm() }, () => {
  const folder = tempFolder({ after });

  for (const [name, values] of Object.entries(VALUES)) {
    const found = manifests(folder, { cluster: { name: 'east' }, ...values });
    const policies = of(found, 'NetworkPolicy', policy);

    it(`open the ports that each program listens on, and no other: ${name}`, () => {
      const deployments = of(found, 'Deployment', deployment);
      assert.ok(deployments.length >= 2 && policies.length === deployments.length);
      for (const [key, { spec }] of deployments) {
        const own = policies.filter(([, each]) => selects(each.spec.podSelector.matchLabels, spec.template));
        assert.equal(own.length, 1, `${key} has ${own.length} policies`);
        const [[, only] = []] = own;
        assert.ok(only);
        assert.deepEqual(openPorts(only), listening(found, key), key);
        assert.deepEqual(
          only.spec.policyTypes,
          ['Ingress'],
          'what a program dials is known by nobody before',
        );
      }
    });

    it(`let in whom each port is for: ${name}`, () => {
      for (const [key, { spec }] of policies) {
        const component = spec.podSelector.matchLabels['app.kubernetes.io/component'] ?? '';
        const names = portNames(found, component);
        const told = spec.ingress.flatMap(({ from, ports }) =>
          ports.map(
            ({ port, endPort }) =>
              `${endPort === undefined ? names.get(port) : 'services'}: ${sourceOf(from)}`,
          ),
        );
        const wanted = FROM[component]?.filter((each) => each !== 'tls: anywhere' || told.includes(each));
        assert.deepEqual(told.sort(), [...(wanted ?? [])].sort(), key);
      }
    });

    it(`lie behind no Service that leads to a closed port: ${name}`, () => {
      for (const [key, { spec }] of of(found, 'Service', service)) {
        const names = portNames(found, spec.selector['app.kubernetes.io/component'] ?? '');
        const open = policies.filter(([, each]) =>
          selects(each.spec.podSelector.matchLabels, { metadata: { labels: spec.selector } }),
        );
        const ports = open.flatMap(([, each]) => openPorts(each)).map(([from]) => names.get(from));
        for (const { targetPort } of spec.ports)
          assert.ok(ports.includes(targetPort), `${key} ${targetPort}`);
      }
    });
  }
});

function of<T>(found: readonly Manifest[], kind: string, schema: z.ZodType<T>): readonly [string, T][] {
  return found
    .filter((each) => each.kind === kind)
    .map((each) => [each.metadata.name, schema.parse(each)] as [string, T]);
}

function selects(
  matchLabels: z.infer<typeof labels>,
  { metadata }: { metadata: { labels: z.infer<typeof labels> } },
) {
  return Object.entries(matchLabels).every(([key, value]) => metadata.labels[key] === value);
}

/** Ranges, sorted. */
function openPorts({ spec }: Policy): readonly (readonly [number, number])[] {
  return sorted(
    spec.ingress.flatMap(({ ports }) =>
      ports.map(({ port, endPort = port }): readonly [number, number] => [port, endPort]),
    ),
  );
}

/** Where the program in these pods listens for others: by its own configuration, which must agree with the pod. */
function listening(found: readonly Manifest[], name: string): readonly (readonly [number, number])[] {
  const containerPorts = (pods(found).get(`Deployment/${name}`)?.containers ?? []).flatMap(({ ports }) =>
    ports.map(({ containerPort }): readonly [number, number] => [containerPort, containerPort]),
  );
  const component = name.replace(/^isthmus-/, '');
  const text = found.find((each) => each.kind === 'ConfigMap' && each.metadata.name === name)?.data;
  const data = z.record(z.string(), z.string()).parse(text);
  const yaml = data[`${component}.yaml`];
  if (yaml === undefined) return sorted(containerPorts);
  const config = configuration.parse(parse(yaml));
  const said = Object.values({ ...config, ...configuration.optional().parse(config.listeners) })
    .flatMap((each) => listener.safeParse(each).data ?? [])
    .filter(({ host }) => host !== '127.0.0.1')
    .map(({ port }): readonly [number, number] => [port, port]);
  assert.deepEqual(sorted(said), sorted(containerPorts), `${name} listens elsewhere than its pod says`);
  return component === 'gateway' ? sorted([...said, servicePorts(found)]) : sorted(said);
}

/** Ports of imported services: the federation service gives them out. */
function servicePorts(found: readonly Manifest[]): readonly [number, number] {
  const map = found.find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'isthmus-federation',
  );
  const data = z.object({ 'federation.yaml': z.string() }).parse(map?.data);
  const { servicePorts: range } = z
    .object({ servicePorts: z.object({ from: z.int(), to: z.int() }) })
    .parse(parse(data['federation.yaml']));
  return [range.from, range.to];
}

function portNames(found: readonly Manifest[], component: string): ReadonlyMap<number, string> {
  const spec = pods(found).get(`Deployment/isthmus-${component}`);
  const ports = spec?.containers.flatMap((each) => each.ports) ?? [];
  return new Map(ports.map(({ name, containerPort }) => [containerPort, name]));
}

function sourceOf(from: Policy['spec']['ingress'][number]['from']): string {
  if (from === undefined) return 'anywhere';
  const [only, ...more] = from;
  assert.deepEqual(more, []);
  if (JSON.stringify(only) === '{"namespaceSelector":{}}') return 'pods';
  const { matchLabels } = z.object({ matchLabels: labels }).parse(only?.podSelector);
  assert.equal(only?.namespaceSelector, undefined, 'of another namespace');
  return `${matchLabels['app.kubernetes.io/component']}s`;
}

function sorted(ranges: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  return [...ranges].sort(([one], [other]) => one - other);
}
