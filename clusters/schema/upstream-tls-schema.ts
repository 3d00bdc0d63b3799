import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { z } from 'zod';
import {
  type SubjectAltName,
  UPSTREAM_TLS_BOUNDS,
  type UpstreamTls,
} from '../../federation/model/upstream-tls.ts';
import { PemError, parsePem } from '../../trust/pem.ts';

const MAX_PEM_LENGTH = 262_144;
const LABELS = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
/** RFC 3986 section 3: a scheme, and then printable characters alone. */
const URI = /^[a-z][a-z0-9+.-]*:[!-~]+$/i;

/** What a certificate is for: as in a Gateway API PreciseHostname, no wildcard and no IP address. */
const hostname = z
  .string()
  .max(253, 'is longer than 253 characters')
  .regex(LABELS, 'is not a DNS name in lower case, such as payments.shop.svc')
  .refine((name) => isIP(name) === 0, 'is an IP address: write the DNS name that the certificate has');

const subjectAltName = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('Hostname'), hostname }),
  z.strictObject({
    type: z.literal('URI'),
    uri: z
      .string()
      .max(UPSTREAM_TLS_BOUNDS.uriLength, `is longer than ${UPSTREAM_TLS_BOUNDS.uriLength} characters`)
      .regex(URI, 'is not a URI, such as spiffe://west.mesh.example/ns/shop/sa/payments'),
  }),
]);

const caCertificates = z
  .string()
  .max(MAX_PEM_LENGTH, `is longer than ${MAX_PEM_LENGTH} characters`)
  .superRefine((text, context) => {
    const problem = authoritiesProblem(text);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

/**
 * How gateways speak TLS to the pods of a service. Names are those of the Gateway API's BackendTLSPolicy (`hostname`,
 * `subjectAltNames`) and of Istio's DestinationRule (`mode`, `caCertificates`, here as PEM instead of a path).
 */
export const upstreamTls = z.strictObject({
  mode: z.enum(['Simple', 'Mutual']),
  hostname: hostname.optional(),
  caCertificates: caCertificates.optional(),
  subjectAltNames: z
    .array(subjectAltName)
    .min(1, 'is empty: leave it out for the default')
    .max(UPSTREAM_TLS_BOUNDS.subjectAltNames, `has more than ${UPSTREAM_TLS_BOUNDS.subjectAltNames} names`)
    .optional(),
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
