import 'reflect-metadata';
import { createPublicKey, randomBytes } from 'node:crypto';
import { type Extension, Name, PublicKey, X509CertificateGenerator } from '@peculiar/x509';
import { parseTrustDomain, type SpiffeId, type TrustDomain } from '../federation/model/identity.ts';
import { type Certificate, parseCertificate } from './certificate.ts';
import { parseCsr } from './csr.ts';
import {
  authorityExtensions,
  bytes,
  keyIdentifiers,
  leafExtensions,
  subjectAltName,
  trustDomainConstraints,
} from './issued-extensions.ts';
import { issuingKey } from './issuing-key.ts';
import { generateKeyPair, spkiOf } from './key.ts';
import { nameConstraintsProblem } from './name-constraints.ts';
import { certificatesFromPem, toPem } from './pem.ts';

/** A certificate that signs others, with its key. Never log it. */
export interface Authority {
  readonly certificatePem: string;
  /** PKCS#8. */
  readonly privateKeyPem: string;
  /** What a leaf that it signs is followed by: this certificate and those above it, without the root. */
  readonly chainPem: string;
}

/** Why an authority does not sign; the message says what was asked and what is wrong with it. */
export class AuthorityError extends Error {
  override readonly name = 'AuthorityError';
}

const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
export const ROOT_LIFETIME_MS = 3653 * DAY_MS;
export const INTERMEDIATE_LIFETIME_MS = 90 * DAY_MS;
export const SVID_LIFETIME_MS = DAY_MS;
/** TLS has no setting for skew: OpenSSL refuses a certificate three seconds in its future. */
const BACKDATE_MS = 60 * SECOND_MS;
const MIN_LIFETIME_MS = 60 * SECOND_MS;
const SERIAL_BYTES = 16;

/** A new self-signed root for a clusterset, e.g. `mesh.example`: ECDSA P-256, 10 years. */
export async function createRoot(request: {
  readonly clusterset: string;
  readonly nowMs: number;
}): Promise<Authority> {
  const name = parseTrustDomain(request.clusterset);
  const { privateKeyPem, publicKeyPem } = await generateKeyPair();
  const spki = spkiOf(createPublicKey(publicKeyPem));
  const der = await sign({
    subject: distinguishedName(name, 'root'),
    issuer: distinguishedName(name, 'root'),
    spki,
    issuerKeyPem: privateKeyPem,
    notBeforeMs: request.nowMs - BACKDATE_MS,
    notAfterMs: request.nowMs + ROOT_LIFETIME_MS,
    extensions: [
      ...authorityExtensions(undefined),
      subjectAltName(`spiffe://${name}`, []),
      ...(await keyIdentifiers(spki, spki)),
    ],
  });
  return { certificatePem: toPem('CERTIFICATE', der), privateKeyPem, chainPem: '' };
}

/**
 * Signs an intermediate (90 days, path length 0) that its name constraints bind to one trust domain.
 * @param request `csrDer`, or the public key itself as PEM
 * @returns the certificate as PEM
 * @throws CsrError, AuthorityError
 */
export async function createIntermediate(
  root: Authority,
  request: { readonly trustDomain: TrustDomain; readonly nowMs: number } & (
    | { readonly csrDer: Uint8Array }
    | { readonly publicKeyPem: string }
  ),
): Promise<string> {
  const trustDomain = parseTrustDomain(request.trustDomain);
  const issuer = readAuthority(root, request.nowMs);
  const spki =
    'csrDer' in request ? parseCsr(request.csrDer).spki : spkiOf(createPublicKey(request.publicKeyPem));
  const der = await sign({
    subject: distinguishedName(trustDomain, 'intermediate'),
    issuer: new Name(bytes(issuer.subject)),
    spki,
    issuerKeyPem: root.privateKeyPem,
    notBeforeMs: request.nowMs - BACKDATE_MS,
    notAfterMs: Math.min(request.nowMs + INTERMEDIATE_LIFETIME_MS, issuer.notAfterMs),
    extensions: [
      ...authorityExtensions(0),
      trustDomainConstraints(trustDomain),
      subjectAltName(`spiffe://${trustDomain}`, []),
      ...(await keyIdentifiers(spki, issuer.spki)),
    ],
  });
  return toPem('CERTIFICATE', der);
}

/** What a leaf shall be. */
export interface SvidRequest {
  /** Proves that the asker holds the key; the names in it are not looked at. */
  readonly csrDer: Uint8Array;
  readonly id: SpiffeId;
  /** Must lie below the trust domain. */
  readonly dnsNames: readonly string[];
  readonly nowMs: number;
  /** Default 24 h; never beyond the authority's own end. */
  readonly ttlMs?: number;
}

/**
 * Signs an X.509-SVID.
 * @returns the leaf and the authority's chain, DER, without the root
 * @throws CsrError when the request is bad, AuthorityError when the authority may not sign such a name.
 */
export async function issueSvid(
  intermediate: Authority,
  request: SvidRequest,
): Promise<{ readonly chainDer: Uint8Array[] }> {
  const { nowMs, ttlMs = SVID_LIFETIME_MS } = request;
  const issuer = readAuthority(intermediate, nowMs);
  const { spki } = parseCsr(request.csrDer);
  if (!(ttlMs >= MIN_LIFETIME_MS)) throw new AuthorityError('an SVID lives at least a minute');
  const der = await sign({
    subject: distinguishedName(request.id.trustDomain, 'workload'),
    issuer: new Name(bytes(issuer.subject)),
    spki,
    issuerKeyPem: intermediate.privateKeyPem,
    notBeforeMs: nowMs - BACKDATE_MS,
    notAfterMs: Math.min(nowMs + ttlMs, issuer.notAfterMs),
    extensions: [
      ...leafExtensions(),
      subjectAltName(request.id.text, request.dnsNames),
      ...(await keyIdentifiers(spki, issuer.spki)),
    ],
  });
  checkAllowed(der, issuer, request.id);
  const above = intermediate.chainPem === '' ? [] : certificatesFromPem(intermediate.chainPem);
  return { chainDer: [der, ...above] };
}

/** An authority signs nothing that its own name constraints would make worthless. */
function checkAllowed(leafDer: Uint8Array, issuer: Certificate, id: SpiffeId): void {
  const constraints = issuer.extensions.nameConstraints;
  const problem = constraints && nameConstraintsProblem(parseCertificate(leafDer), constraints);
  if (problem !== undefined) throw new AuthorityError(`cannot issue ${id.text}: ${problem}`);
}

function readAuthority(authority: Authority, nowMs: number): Certificate {
  const [der] = certificatesFromPem(authority.certificatePem);
  const certificate = parseCertificate(der ?? new Uint8Array());
  if (certificate.extensions.basicConstraints?.ca !== true) {
    throw new AuthorityError('the certificate is not an authority');
  }
  if (nowMs > certificate.notAfterMs || nowMs < certificate.notBeforeMs) {
    const [from, to] = [certificate.notBeforeMs, certificate.notAfterMs].map((ms) =>
      new Date(ms).toISOString(),
    );
    throw new AuthorityError(`the authority is valid only from ${from} to ${to}`);
  }
  return certificate;
}

/**
 * No common name: OpenSSL would take one for a DNS name and hold it against the constraints. The serial number
 * tells authorities of the same name apart, whatever their age.
 */
function distinguishedName(organization: string, unit: string): Name {
  return new Name([{ O: [organization] }, { OU: [`isthmus ${unit}`] }]);
}

interface Signing {
  readonly subject: Name;
  readonly issuer: Name;
  readonly spki: Uint8Array;
  readonly issuerKeyPem: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly extensions: Extension[];
}

async function sign(signing: Signing): Promise<Uint8Array> {
  const { key, algorithm } = issuingKey(signing.issuerKeyPem);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: signing.subject,
    issuer: signing.issuer,
    notBefore: new Date(signing.notBeforeMs),
    notAfter: new Date(signing.notAfterMs),
    publicKey: new PublicKey(bytes(signing.spki)),
    signingKey: key,
    signingAlgorithm: algorithm,
    extensions: signing.extensions,
  });
  return new Uint8Array(certificate.rawData);
}

/** 127 random bits: positive and never zero. */
function newSerial(): string {
  const serial = randomBytes(SERIAL_BYTES);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial.toString('hex');
}
