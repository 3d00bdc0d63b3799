import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import {
  type SubjectAltName,
  UPSTREAM_TLS_BOUNDS,
  type UpstreamTls,
} from '../../federation/model/upstream-tls.ts';
import { PemError, parsePem } from '../../trust/pem.ts';
import { inCel, notInCel } from './kubernetes-rule.ts';

const MAX_PEM_LENGTH = 262_144;
const LABELS = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
/** No top-level domain is a number (RFC 3696 section 2). CEL knows IP addresses only from Kubernetes 1.31 on. */
const NUMBER_AT_END = /(^|[.])[0-9]+$/;
/** RFC 3986 section 3: a scheme, and then printable characters alone. */
const URI = /^[a-zA-Z][a-zA-Z0-9+.-]*:[!-~]+$/;

/** What a certificate is for: as in a Gateway API PreciseHostname, no wildcard and no IP address. */
const hostname = z
  .string()
  .max(253, 'is longer than 253 characters')
  .regex(LABELS, 'is not a DNS name in lower case, such as payments.shop.svc')
  .refine((name) => !NUMBER_AT_END.test(name), {
    message: 'ends in a number, as an IP address does: write the DNS name that the certificate has',
    ...inCel(`!self.matches('${NUMBER_AT_END.source}')`),
  });

const NAME_TYPE = 'What the name is: `Hostname` (in `hostname`) or `URI` (in `uri`).';

const subjectAltName = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('Hostname').describe(NAME_TYPE),
    hostname: hostname.describe('A DNS name, such as `payments.shop.svc`; for `Hostname`.'),
  }),
  z.strictObject({
    type: z.literal('URI').describe(NAME_TYPE),
    uri: z
      .string()
      .max(UPSTREAM_TLS_BOUNDS.uriLength, `is longer than ${UPSTREAM_TLS_BOUNDS.uriLength} characters`)
      .regex(URI, 'is not a URI, such as spiffe://west.mesh.example/ns/shop/sa/payments')
      .describe('A URI, such as `spiffe://west.mesh.example/ns/shop/sa/payments`; for `URI`.'),
  }),
]);

const caCertificates = z
  .string()
  .max(MAX_PEM_LENGTH, `is longer than ${MAX_PEM_LENGTH} characters`)
  // Refused before it is stored, where the API server reads it too.
  .refine((text) => !text.includes('PRIVATE KEY-----'), {
    message: 'has a PRIVATE KEY block: only certificates belong here, they are public',
    abort: true,
    ...inCel("!self.contains('PRIVATE KEY-----')"),
  })
  .refine((text) => text.includes('-----BEGIN '), {
    message: 'has no CERTIFICATE block: give the PEM of the authorities, from the BEGIN line on',
    abort: true,
    ...inCel("self.contains('-----BEGIN ')"),
  })
  .refine((text) => authoritiesProblem(text) === undefined, {
    error: ({ input }) => authoritiesProblem(String(input)) ?? '',
    ...notInCel('CEL reads no certificates'),
  });

/**
 * How gateways speak TLS to the pods of a service. Names are those of the Gateway API's BackendTLSPolicy (`hostname`,
 * `subjectAltNames`) and of Istio's DestinationRule (`mode`, `caCertificates`, here as PEM instead of a path).
 */
export const upstreamTls = z.strictObject({
  mode: z
    .enum(['Simple', 'Mutual'])
    .describe('`Simple`, or `Mutual`, where the gateway shows its own certificate (SVID) too.'),
  hostname: hostname
    .optional()
    .describe(
      'Server name (SNI) that is sent, such as `payments.shop.svc`. Without it `<service>.<namespace>.svc`.',
    ),
  caCertificates: caCertificates
    .optional()
    .describe(
      'PEM of the authorities that sign the certificates of the pods, at most 8. Without it the certificates are ' +
        'SVIDs, and the trust bundles of the clusterset vouch for them.',
    ),
  subjectAltNames: z
    .array(subjectAltName)
    .min(1, 'is empty: leave it out for the default')
    .max(UPSTREAM_TLS_BOUNDS.subjectAltNames, `has more than ${UPSTREAM_TLS_BOUNDS.subjectAltNames} names`)
    .optional()
    .describe(
      'Names of which the certificate must have one, 1 to 16. Without it an SVID must be one of the namespace of the ' +
        'service in its cluster; a certificate of other authorities must be for `hostname`.',
    ),
});

export function toUpstreamTls(given: z.infer<typeof upstreamTls>): UpstreamTls {
  return {
    mode: given.mode === 'Mutual' ? 'mutual' : 'simple',
    hostname: given.hostname,
    caCertificates:
      given.caCertificates === undefined
        ? undefined
        : parsePem(given.caCertificates).map(({ der }) => Buffer.from(der).toString('base64')),
    subjectAltNames: (given.subjectAltNames ?? []).map(
      (name): SubjectAltName =>
        name.type === 'URI' ? { kind: 'uri', value: name.uri } : { kind: 'hostname', value: name.hostname },
    ),
  };
}

/** Never repeats what was given: it may be a key. */
function authoritiesProblem(text: string): string | undefined {
  try {
    const blocks = parsePem(text);
    if (blocks.length === 0)
      return 'has no CERTIFICATE block: give the PEM of the authorities, from the BEGIN line on';
    const other = blocks.find(({ label }) => label !== 'CERTIFICATE');
    if (other !== undefined)
      return `has a ${other.label} block: only certificates belong here, they are public`;
    const { caCertificates: most, caCertificateLength } = UPSTREAM_TLS_BOUNDS;
    if (blocks.length > most) return `has more than ${most} certificates`;
    if (blocks.some(({ der }) => der.length > (caCertificateLength / 4) * 3))
      return 'has a certificate of more than 16 KiB';
    const stranger = blocks.findIndex(({ der }) => !isAuthority(der));
    return stranger < 0 ? undefined : `certificate ${stranger + 1} is not one of an authority (CA:TRUE)`;
  } catch (failure) {
    if (!(failure instanceof PemError)) throw failure;
    return `is not PEM: ${failure.message}`;
  }
}

function isAuthority(der: Uint8Array): boolean {
  try {
    return new X509Certificate(der).ca;
  } catch {
    // OpenSSL's words would not help: it is no certificate.
    return false;
  }
}
