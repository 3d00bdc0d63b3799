import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UpstreamTls } from '../../federation/model/upstream-tls.ts';
import { goodResource, resourceProblems } from '../../test/fixtures/resource-problems.ts';
import { serverCertificate } from '../../test/fixtures/server-certificate.ts';
import { certificatesFromPem } from '../../trust/pem.ts';
import { parseStored, storedForm } from './resource.ts';
import { toTrafficPolicy } from './traffic-policy-schema.ts';

const { caPem, certificatePem, keyPem } = await serverCertificate();

function policy(upstreamTls: unknown): string {
  return `apiVersion: isthmus.io/v1alpha1
kind: TrafficPolicy
metadata: { name: p, namespace: shop }
spec:
  targetRefs: [{ kind: Service, name: cart }]
  upstreamTls: ${JSON.stringify(upstreamTls)}
`;
}

function read(upstreamTls: unknown): UpstreamTls | undefined {
  return toTrafficPolicy(goodResource('TrafficPolicy', policy(upstreamTls))).upstreamTls;
}

const AT = '6: spec.upstreamTls';
const CA = `${AT}.caCertificates`;
const NAMES = `${AT}.subjectAltNames`;
const one = (name: unknown) => ({ mode: 'Simple', subjectAltNames: [name] });

describe('upstreamTls', () => {
  const refused: readonly (readonly [unknown, string])[] = [
    [{}, `${AT}.mode: is missing (one of Simple, Mutual)`],
    [{ mode: 'Disable' }, `${AT}.mode: must be one of Simple, Mutual`],
    [{ mode: 'Simple', insecureSkipVerify: true }, `${AT}.insecureSkipVerify: unknown key`],
    [
      { mode: 'Simple', hostname: 'Cart.Shop' },
      `${AT}.hostname: is not a DNS name in lower case, such as payments.shop.svc`,
    ],
    [
      { mode: 'Simple', hostname: '*.shop.svc' },
      `${AT}.hostname: is not a DNS name in lower case, such as payments.shop.svc`,
    ],
    [
      { mode: 'Simple', hostname: '10.0.0.1' },
      `${AT}.hostname: ends in a number, as an IP address does: write the DNS name that the certificate has`,
    ],
    [{ mode: 'Simple', subjectAltNames: [] }, `${NAMES}: is empty: leave it out for the default`],
    [
      one({ type: 'URI', uri: 'no uri' }),
      `${NAMES}.0.uri: is not a URI, such as spiffe://west.mesh.example/ns/shop/sa/payments`,
    ],
    [
      { mode: 'Simple', caCertificates: '/etc/ca.pem' },
      `${CA}: has no CERTIFICATE block: give the PEM of the authorities, from the BEGIN line on`,
    ],
    [
      { mode: 'Simple', caCertificates: `${caPem}${keyPem}` },
      `${CA}: has a PRIVATE KEY block: only certificates belong here, they are public`,
    ],
    [
      { mode: 'Simple', caCertificates: `${caPem}${certificatePem}` },
      `${CA}: certificate 2 is not one of an authority (CA:TRUE)`,
    ],
    [{ mode: 'Simple', caCertificates: caPem.slice(0, -30) }, `${CA}: is not PEM: a block has no end`],
    [{ mode: 'Simple', caCertificates: caPem.repeat(9) }, `${CA}: has more than 8 certificates`],
  ];
  for (const [given, problem] of refused) {
    it(`is refused: ${problem}`, () => {
      const found = resourceProblems(policy(given)).map((text) => text.replace(/ \[.*/, ''));
      assert.deepEqual(found, [problem]);
    });
  }

  it('never repeats a key that was put into it', () => {
    const [problem = ''] = resourceProblems(policy({ mode: 'Simple', caCertificates: keyPem }));
    assert.doesNotMatch(problem, new RegExp(keyPem.split('\n')[1]?.slice(0, 20) ?? 'no key'));
  });

  it('holds its defaults where it says nothing', () => {
    const mutual = { mode: 'mutual', hostname: undefined, caCertificates: undefined, subjectAltNames: [] };
    assert.deepEqual(read({ mode: 'Mutual' }), mutual);
  });

  it('is read whole, also out of what was kept of it', () => {
    const uri = 'spiffe://west.mesh.example/ns/shop/sa/cart';
    const given = {
      mode: 'Simple',
      hostname: 'cart.example',
      caCertificates: caPem,
      subjectAltNames: [
        { type: 'Hostname', hostname: 'a.example' },
        { type: 'URI', uri },
      ],
    };
    assert.deepEqual(read(given), {
      mode: 'simple',
      hostname: 'cart.example',
      caCertificates: certificatesFromPem(caPem).map((der) => Buffer.from(der).toString('base64')),
      subjectAltNames: [
        { kind: 'hostname', value: 'a.example' },
        { kind: 'uri', value: uri },
      ],
    });
    const resource = goodResource('TrafficPolicy', policy(given));
    assert.deepEqual(parseStored(JSON.parse(storedForm(resource))), resource);
  });
});
