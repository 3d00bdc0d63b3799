import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { AGREEMENT_CASES, caseText } from '../../clusters/crds/agreement-cases.ts';
import { CUSTOM_KINDS } from '../../clusters/crds/kinds.ts';
import { structuralSchema } from '../../clusters/crds/structural-schema.ts';
import { variantsOf } from '../../clusters/crds/variants.ts';
import { toAccessPolicies } from '../../clusters/schema/access-policy-schema.ts';
import { toFailoverPolicy } from '../../clusters/schema/failover-policy-schema.ts';
import { readResource } from '../../clusters/schema/resource.ts';
import { toTrafficPolicy } from '../../clusters/schema/traffic-policy-schema.ts';
import { readYamlDocuments } from '../../federation/config/yaml-document.ts';
import { DEFAULT_FAILOVER_POLICY } from '../../federation/model/policy.ts';
import type { SnapshotService } from '../../federation/model/snapshot.ts';
import { DEFAULT_TRAFFIC_POLICY } from '../../federation/model/traffic-policy.ts';
import { serviceFault } from '../../federation/wire/service-fields.ts';

const custom = z.looseObject({ spec: z.unknown() });
const SERVICE: SnapshotService = {
  service: { namespace: 'shop', name: 'cart' },
  type: 'ClusterSetIP',
  ports: [{ name: 'http', port: 80, protocol: 'http', appProtocol: undefined, listenPort: 15_500 }],
  offers: [],
  endpoints: [],
  failover: DEFAULT_FAILOVER_POLICY,
  traffic: DEFAULT_TRAFFIC_POLICY,
  access: [],
};

/** The service as the object makes it; undefined where the object is refused, or is none of a service. */
function governed(text: string): SnapshotService | undefined {
  const [document] = readYamlDocuments(text);
  assert.ok(document !== undefined);
  const read = readResource(document);
  if (read.kind === 'invalid') return undefined;
  const { resource } = read;
  switch (resource.kind) {
    case 'FailoverPolicy':
      return { ...SERVICE, failover: toFailoverPolicy(resource) };
    case 'TrafficPolicy':
      return { ...SERVICE, traffic: toTrafficPolicy(resource) };
    case 'AccessPolicy':
      return { ...SERVICE, access: toAccessPolicies(resource)[0]?.rules ?? [] };
    default:
      return undefined;
  }
}

describe('what is accepted of a policy', () => {
  for (const {
    kind,
    schema: { shape },
  } of CUSTOM_KINDS.filter((one) => one.kind !== 'ClusterPeer')) {
    it(`is never what gateways refuse: ${kind}`, () => {
      const schema = structuralSchema(shape.spec, kind);
      const refused: string[] = [];
      let accepted = 0;
      const look = (what: string, text: string): void => {
        const service = governed(text);
        if (service === undefined) return;
        accepted++;
        const fault = serviceFault(service);
        if (fault !== undefined) refused.push(`${what}: ${fault}`);
      };
      for (const given of AGREEMENT_CASES.filter((one) => one.kind === kind && one.wrong === undefined)) {
        look(given.spec, caseText(given));
        const object = custom.parse(parse(caseText(given)));
        for (const { what, value } of variantsOf(schema, object.spec)) {
          look(what, stringify({ ...object, spec: value }));
        }
      }
      assert.ok(accepted > 50, `${accepted} were accepted`);
      assert.deepEqual(refused, []);
    });
  }

  it('is no more than a gateway takes, all in all', () => {
    const principals = Array.from(
      { length: 50 },
      (_, at) => `spiffe://west.mesh.example/ns/shop/sa/service-account-${at}`,
    );
    const rules = Array.from({ length: 100 }, () => ({ action: 'Allow', principals }));
    const text = stringify({
      apiVersion: 'isthmus.io/v1alpha1',
      kind: 'AccessPolicy',
      metadata: { name: 'p', namespace: 'shop' },
      spec: { targetRefs: [{ kind: 'Service', name: 'cart' }], rules },
    });
    const [document] = readYamlDocuments(text);
    assert.ok(document !== undefined);
    const read = readResource(document);
    assert.ok(read.kind === 'invalid', 'it is refused');
    assert.match(read.problems[0]?.message ?? '', /^spec: is longer than the 262144 characters/);
  });
});
