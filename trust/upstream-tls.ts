import { constants, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { TrustBundles } from './bundle.ts';
import { parseCertificate } from './certificate.ts';
import type { ChainCache } from './chain-cache.ts';
import { checkValidity } from './leaf.ts';
import { type PeerChain, peerChain } from './peer-chain.ts';
import { certificatesToPem } from './pem.ts';
import type { Svid } from './svid.ts';
import { SvidError } from './svid-error.ts';
import { verifyTlsPeer } from './verify.ts';
import { verifyAgainAtMs } from './verify-again.ts';

/** Who may sign a pod's certificate. */
export type PodAuthority =
  /** The roots of the clusterset: the certificate must be an SVID by all of SPIFFE's rules. */
  | { readonly kind: 'bundles'; readonly bundles: TrustBundles }
  /** Others, DER: the certificate is an ordinary server's (RFC 5280). */
  | { readonly kind: 'authorities'; readonly certificates: readonly Uint8Array[] };

/** A name that a pod's certificate may have; one of a list is enough. */
export type ExpectedName =
  /** Among its DNS names; a wildcard stands for one whole label (RFC 6125 section 6.4.3). */
  | { readonly kind: 'hostname'; readonly value: string }
  | { readonly kind: 'uri'; readonly value: string }
  /** A URI that begins with this and goes on with one more path segment: any service account of a namespace. */
  | { readonly kind: 'uri-parent'; readonly value: string };

/** What is kept of a verified connection in order to resume it. The ticket is a secret. */
export interface PodSession {
  readonly ticket: Buffer;
  readonly pod: VerifiedPod;
}

/** A pod whose certificate was found good. */
export interface VerifiedPod {
  /** Node does not tell it on a resumed connection, and it must be checked again. */
  readonly leafDer: Uint8Array;
  /** Unix ms; no session of it may be resumed from then on. */
  readonly verifyAgainAtMs: number;
}

/** Forward secrecy and AEAD only; RSA certificates too, for pods have what they have. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/**
 * For `tls.connect` to pods, to be kept until what it is made of changes: building it costs more than a handshake.
 * @param svid shown to a pod that asks for a certificate
 */
export function podSecureContext(authority: PodAuthority, svid: Svid | undefined): SecureContext {
  return createSecureContext({
    ca: authorityPems(authority),
    // Who is named signs, also where a root that is not named signed it. For SVIDs our own check wants the root.
    allowPartialTrustChain: authority.kind === 'authorities',
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(svid === undefined ? {} : { cert: svid.certificateChainPem, key: svid.privateKeyPem }),
  });
}

/** What a pod's certificate is checked against, once the handshake is done. */
export interface ExpectedPod {
  readonly authority: PodAuthority;
  readonly names: readonly ExpectedName[];
  readonly nowMs: number;
  /** The one that was given to `tls.connect`. */
  readonly session: PodSession | undefined;
  readonly cache?: ChainCache | undefined;
}

/**
 * Whether a connection has reached a pod that it was meant for; the connection must have been made with
 * `rejectUnauthorized`. Names are ours to check, also on a resumed session, where Node checks none.
 * @returns what the sessions that follow are resumed by
 * @throws SvidError naming the broken rule, `unexpected-identity` for a wrong name.
 */
export function checkPod(socket: TLSSocket, expected: ExpectedPod): VerifiedPod {
  const { nowMs, session } = expected;
  const chain = peerChain(socket, session?.pod.leafDer);
  const anchors = checkAuthority(socket, chain, expected);
  const { leafDer } = chain;
  const certificate = new X509Certificate(leafDer);
  if (!expected.names.some((name) => hasName(certificate, name))) {
    throw new SvidError(
      'unexpected-identity',
      `the certificate is not for ${expected.names.map(expectedText).join(' or ')}, but ${namesText(certificate)}`,
    );
  }
  // What it resumes was verified then, and not now.
  if (session !== undefined && socket.isSessionReused()) return session.pod;
  return { leafDer, verifyAgainAtMs: verifyAgainAtMs([leafDer, ...chain.chainDer, ...anchors], nowMs) };
}

/** @returns those who may have signed, DER */
function checkAuthority(
  socket: TLSSocket,
  { leafDer }: PeerChain,
  { authority, nowMs, session, cache }: ExpectedPod,
): readonly Uint8Array[] {
  if (authority.kind === 'authorities') {
    checkOrdinary(socket, leafDer, nowMs);
    return authority.certificates;
  }
  const { bundles } = authority;
  const resumedLeafDer = session?.pod.leafDer;
  const { trustDomain } = verifyTlsPeer(socket, bundles, nowMs, { resumedLeafDer, cache });
  return bundles.get(trustDomain) ?? [];
}

/** `spiffe://…/sa/*` for a parent. */
export function expectedText(name: ExpectedName): string {
  return name.kind === 'uri-parent' ? `${name.value}*` : name.value;
}

function checkOrdinary(socket: TLSSocket, leafDer: Uint8Array, nowMs: number): void {
  if (!socket.authorized) {
    throw new SvidError('refused-by-tls', `TLS refuses it: ${String(socket.authorizationError)}`);
  }
  if (!socket.isSessionReused()) return;
  const { validFromDate, validToDate } = new X509Certificate(leafDer);
  checkValidity({ notBeforeMs: validFromDate.getTime(), notAfterMs: validToDate.getTime() }, nowMs);
}

function hasName(certificate: X509Certificate, name: ExpectedName): boolean {
  if (name.kind === 'hostname') return isForHost(certificate, name.value);
  return uriNames(certificate).some((uri) =>
    name.kind === 'uri' ? uri === name.value : isChild(uri, name.value),
  );
}

function isForHost(certificate: X509Certificate, host: string): boolean {
  const options = { subject: 'never', wildcards: true, partialWildcards: false } as const;
  return certificate.checkHost(host, options) !== undefined;
}

function isChild(uri: string, parent: string): boolean {
  return uri.startsWith(parent) && /^[^/]+$/.test(uri.slice(parent.length));
}

/** From DER: OpenSSL's text of them can be made to say anything. @throws SvidError for what cannot be read strictly */
function uriNames(certificate: X509Certificate): readonly string[] {
  return parseCertificate(certificate.raw).extensions.subjectAltNames.flatMap((name) =>
    name.kind === 'uri' ? [name.value] : [],
  );
}

const SHOWN_CHARACTERS = 300;

/** For a person. */
function namesText(certificate: X509Certificate): string {
  const names = certificate.subjectAltName ?? 'without any subjectAltName';
  return names.length > SHOWN_CHARACTERS ? `${names.slice(0, SHOWN_CHARACTERS)}…` : names;
}

function authorityPems(authority: PodAuthority): string[] {
  if (authority.kind === 'authorities') {
    // Node leaves out what it cannot read, without a word.
    return authority.certificates.map((der) => new X509Certificate(der).toString());
  }
  const pems = [...authority.bundles.values()].flat().map((der) => certificatesToPem([der]));
  return [...new Set(pems)];
}
