import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { type Manifest, manifests, missingHelm, NAMESPACE, only } from './helm.ts';
import { type FlowSource, letsIn, networkPolicy, type PlacedPod } from './network-flow.ts';
import { pods } from './pods.ts';

const namespaceIs = (name: string): object => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
});
const EAST = {
  cluster: { name: 'east' },
  gateway: { tlsPassthrough: { enabled: true } },
  store: { tryout: { advertise: `isthmus-redis.${NAMESPACE}.svc:6379` } },
};
const VALUES: Readonly<Record<string, object>> = {
  open: EAST,
  narrow: {
    ...EAST,
    networkPolicy: { telemetryFrom: [namespaceIs('monitoring')], clientsFrom: [namespaceIs('shop')] },
  },
};

const pod = (namespace: string, name: string): PlacedPod => ({ namespace, labels: { app: name } });
/** Who is not of the release. A peer's gateway comes from another cluster, and so does whoever attacks from there. */
const OTHERS: Readonly<Record<string, FlowSource>> = {
  prometheus: pod('monitoring', 'prometheus'),
  client: pod('shop', 'web'),
  stranger: pod('lab', 'stranger'),
  neighbour: pod(NAMESPACE, 'neighbour'),
  outside: { address: '203.0.113.7' },
};

/** Component and port, and who may come there: of the open values, and of the narrow ones. */
const ALLOWED: readonly (readonly [to: string, port: string, open: string, narrow: string])[] = [
  ['gateway', 'mesh', 'all', 'all'],
  ['gateway', 'tls', 'all', 'all'],
  ['gateway', 'http', 'all but outside', 'client'],
  ['gateway', 'services', 'all but outside', 'client'],
  ['gateway', 'telemetry', 'all but outside', 'prometheus test'],
  ['federation', 'grpc', 'gateway', 'gateway'],
  ['federation', 'issuer', 'gateway', 'gateway'],
  ['federation', 'telemetry', 'all but outside', 'prometheus test'],
  ['redis', 'redis', 'all', 'all'],
  // Of the loopback, and of nobody: what is not named is closed.
  ['gateway', 'admin', '', ''],
  ['federation', 'admin', '', ''],
];
const UNNAMED: Readonly<Record<string, number>> = {
  'gateway services': 15_777,
  'gateway admin': 15_021,
  'federation admin': 15_011,
};

const labelled = z.object({ metadata: z.object({ labels: z.record(z.string(), z.string()) }) });
const workload = z.object({ spec: z.object({ template: labelled }) });
const service = z.object({
  spec: z.object({
    selector: z.record(z.string(), z.string()),
    ports: z.array(z.object({ port: z.int(), targetPort: z.string() })),
  }),
});

/** A release, as its pods lie in the network. */
class ReleaseNetwork {
  readonly #found: readonly Manifest[];
  readonly #sources: ReadonlyMap<string, FlowSource>;

  constructor(found: readonly Manifest[]) {
    this.#found = found;
    const own = ['gateway', 'federation', 'redis', 'test'].map((name): [string, PlacedPod] => [
      name,
      this.pod(name),
    ]);
    this.#sources = new Map<string, FlowSource>([...own, ...Object.entries(OTHERS)]);
  }

  get sources(): Iterable<string> {
    return this.#sources.keys();
  }

  pod(component: string): PlacedPod {
    if (component === 'test') {
      const { metadata } = labelled.parse(only(this.#found, 'Pod', 'isthmus-test'));
      return { namespace: NAMESPACE, labels: metadata.labels };
    }
    const { spec } = workload.parse(only(this.#found, 'Deployment', `isthmus-${component}`));
    return { namespace: NAMESPACE, labels: spec.template.metadata.labels };
  }

  lets(from: string, to: string, port: string): boolean {
    const policies = this.#found
      .filter(({ kind }) => kind === 'NetworkPolicy')
      .map((each) => networkPolicy.parse(each));
    const source = this.#sources.get(from);
    const number = UNNAMED[`${to} ${port}`] ?? this.#containerPort(to, port);
    assert.ok(source !== undefined && number !== undefined, `${from} ${to} ${port}`);
    return letsIn(policies, source, this.pod(to), { number, name: port });
  }

  /** Component and port behind `SERVICE.NAMESPACE.svc:PORT`. */
  behind(address: string): readonly [component: string, port: string] {
    const [host = '', number] = address.split(':');
    const [name = ''] = host.split('.');
    const { spec } = service.parse(only(this.#found, 'Service', name));
    const port = spec.ports.find((each) => each.port === Number(number))?.targetPort;
    assert.ok(port !== undefined, `${address} is no port of the Service`);
    return [spec.selector['app.kubernetes.io/component'] ?? '', port];
  }

  /** What the pods dial, by the configuration that the chart gives them. */
  dialled(): readonly (readonly [from: string, address: string])[] {
    const gateway = z
      .object({
        federation: z.object({
          address: z.string(),
          issuerAddress: z.string(),
          replicas: z.array(z.string()),
        }),
      })
      .parse(this.#config('gateway', 'gateway.yaml')).federation;
    const { store } = z
      .object({ store: z.array(z.string()) })
      .parse(this.#config('federation', 'store.yaml'));
    const targets = [
      ...JSON.stringify(pods(this.#found).get('Pod/isthmus-test')).matchAll(/\/\/([^/]+)\/readyz/g),
    ];
    assert.equal(targets.length, 2);
    return [
      ...[gateway.address, gateway.issuerAddress, ...gateway.replicas].map((to) => ['gateway', to] as const),
      ...store.map((url) => ['federation', new URL(url).host] as const),
      ...targets.map(([, host = '']) => ['test', host] as const),
    ];
  }

  #config(component: string, file: string): unknown {
    const { data } = only(this.#found, 'ConfigMap', `isthmus-${component}`);
    return parse(z.record(z.string(), z.string()).parse(data)[file] ?? '');
  }

  #containerPort(component: string, name: string): number | undefined {
    const spec = pods(this.#found).get(`Deployment/isthmus-${component}`);
    return spec?.containers.flatMap(({ ports }) => ports).find((each) => each.name === name)?.containerPort;
  }
}

describe('flows between pods of the chart', { skip: missingHelm() }, () => {
  const folder = tempFolder({ after });

  for (const [name, values] of Object.entries(VALUES)) {
    const network = new ReleaseNetwork(manifests(folder, values));

    for (const [to, port, open, narrow] of ALLOWED) {
      const allowed = name === 'open' ? open : narrow;
      it(`with ${name} values come to ${to} ${port} from: ${allowed || 'nobody'}`, () => {
        const all = [...network.sources];
        const wanted = all.filter((from) => {
          if (allowed.startsWith('all')) return allowed === 'all' || from !== 'outside';
          return allowed.split(' ').includes(from);
        });
        assert.deepEqual(
          all.filter((from) => network.lets(from, to, port)),
          wanted,
        );
      });
    }

    it(`with ${name} values are all that the programs dial`, () => {
      for (const [from, address] of network.dialled()) {
        const [to, port] = network.behind(address);
        assert.ok(network.lets(from, to, port), `${from} may not reach ${address} (${to} ${port})`);
      }
    });
  }
});
