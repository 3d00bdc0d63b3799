import { constants, hkdfSync } from 'node:crypto';
import { type ConnectionOptions, createSecureContext, type TLSSocket, type TlsOptions } from 'node:tls';
import { gatewayDnsName, gatewayId, type SpiffeId, type TrustDomain } from '../federation/model/identity.ts';
import { bundlesFingerprint, type TrustBundles } from './bundle.ts';
import type { ChainCache } from './chain-cache.ts';
import { certificatesToPem } from './pem.ts';
import type { Svid } from './svid.ts';
import { SvidError } from './svid-error.ts';
import { type TrunkSession, usableTicket } from './trunk-session.ts';
import { verifyTlsPeer } from './verify.ts';

/** The protocols of the one TLS port: who comes, by ALPN. The number is the trunk's version. */
export const ALPN = {
  trunk: 'isthmus/1',
  enrol: 'isthmus-enrol/1',
  h2: 'h2',
  http1: 'http/1.1',
} as const;

const HANDSHAKE_TIMEOUT_MS = 10_000;
const TICKET_LIFETIME_SECONDS = 3600;
/** For clients that do not speak TLS 1.3 yet: forward secrecy and AEAD only. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
].join(':');

/**
 * 48 bytes for `ticketKeys` out of a secret that all workers of a pod share (≥ 32 bytes, random, never stored).
 * They change with the bundles, so no session outlives a change of whom to trust: a resumed session skips the
 * chain, and a client of a removed root would come in.
 */
export function ticketKeysFor(bundles: TrustBundles, secret: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, bundlesFingerprint(bundles), 'isthmus tls tickets', 48));
}

/**
 * For `tls.createServer` and, when SVID or bundles change, `server.setSecureContext`. A connection without a
 * certificate, or with a bad one, still comes through the handshake, since enrolment has none: every connection
 * must go through `admitMeshPeer` first.
 */
export function meshServerOptions(options: {
  readonly svid: Svid;
  readonly bundles: TrustBundles;
  readonly ticketKeys: Buffer;
}): TlsOptions {
  return {
    cert: options.svid.certificateChainPem,
    key: options.svid.privateKeyPem,
    ca: rootsPem([...options.bundles.values()].flat()),
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    secureOptions:
      constants.SSL_OP_NO_RENEGOTIATION | (mayResume(options.bundles) ? 0 : constants.SSL_OP_NO_TICKET),
    ALPNProtocols: [ALPN.trunk, ALPN.h2, ALPN.http1, ALPN.enrol],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    ticketKeys: options.ticketKeys,
    sessionTimeout: TICKET_LIFETIME_SECONDS,
    // A second lock: OpenSSL resumes no session of another context.
    sessionIdContext: sessionContext(options.bundles),
  };
}

/**
 * For `tls.connect` to a gateway of `peerTrustDomain`; `checkTrunkServer` must follow on `secureConnect`. Holds a
 * built context: to be kept until SVID or bundles change, with only the session made anew for each connection.
 */
export function trunkClientOptions(options: {
  readonly svid: Svid;
  readonly bundles: TrustBundles;
  readonly peerTrustDomain: TrustDomain;
  readonly session?: TrunkSession | undefined;
  readonly nowMs: number;
}): ConnectionOptions {
  const { svid, bundles, peerTrustDomain, session, nowMs } = options;
  const identity = { cert: svid.certificateChainPem, key: svid.privateKeyPem };
  const ticket = session && usableTicket(session, bundles, peerTrustDomain, nowMs);
  return {
    ...gatewayClientOptions(bundles, peerTrustDomain, identity),
    ALPNProtocols: [ALPN.trunk],
    ...(ticket === undefined ? {} : { session: ticket }),
  };
}

/** For a joining cluster's `tls.connect`: without a certificate; `checkEnrolmentServer` must follow. */
export function enrolmentClientOptions(options: {
  readonly bundles: TrustBundles;
  readonly peerTrustDomain: TrustDomain;
}): ConnectionOptions {
  return {
    ...gatewayClientOptions(options.bundles, options.peerTrustDomain, {}),
    ALPNProtocols: [ALPN.enrol],
  };
}

function gatewayClientOptions(
  bundles: TrustBundles,
  peerTrustDomain: TrustDomain,
  identity: { readonly cert?: string; readonly key?: string },
): ConnectionOptions {
  return {
    secureContext: createSecureContext({
      ...identity,
      ca: rootsPem(bundles.get(peerTrustDomain) ?? []),
      minVersion: 'TLSv1.3',
    }),
    servername: gatewayDnsName(peerTrustDomain),
    // The name is in the SPIFFE ID, which is compared after the handshake.
    checkServerIdentity: () => undefined,
    rejectUnauthorized: true,
  };
}

/** Which gateway a client means to have reached. */
export interface ExpectedGateway {
  readonly bundles: TrustBundles;
  readonly peerTrustDomain: TrustDomain;
  readonly nowMs: number;
  /** The one that was given to `trunkClientOptions`. */
  readonly session?: TrunkSession | undefined;
}

/**
 * The client's side of a trunk: version, protocol, and that the server is the gateway of that very cluster.
 * @throws SvidError naming the broken rule; the caller destroys the socket.
 */
export function checkTrunkServer(socket: TLSSocket, expected: ExpectedGateway): SpiffeId {
  return checkGateway(socket, ALPN.trunk, expected);
}

/** The same for `isthmus-enrol/1`. @throws SvidError */
export function checkEnrolmentServer(socket: TLSSocket, expected: ExpectedGateway): SpiffeId {
  return checkGateway(socket, ALPN.enrol, expected);
}

function checkGateway(socket: TLSSocket, protocol: string, expected: ExpectedGateway): SpiffeId {
  checkTls13(socket);
  if (socket.alpnProtocol !== protocol)
    throw new SvidError('refused-by-tls', `peer does not speak ${protocol}`);
  const id = verifyTlsPeer(socket, expected.bundles, expected.nowMs, {
    resumedLeafDer: expected.session?.leafDer,
  });
  checkIdentity(id, gatewayId(expected.peerTrustDomain));
  return id;
}

/** Who came in on the TLS port. */
export type MeshPeer =
  /** A gateway of a cluster of the clusterset. */
  | { readonly kind: 'trunk'; readonly peer: SpiffeId; readonly trustDomain: TrustDomain }
  /** A workload with an SVID. */
  | { readonly kind: 'client'; readonly protocol: 'h2' | 'http/1.1'; readonly caller: SpiffeId }
  /** A joining cluster, which has no certificate yet. Nothing but the enrolment protocol may follow. */
  | { readonly kind: 'enrolment' }
  /** To be closed at once. */
  | { readonly kind: 'refused'; readonly error: SvidError };

/**
 * Decides once per connection, after `secureConnection`, by ALPN and certificate.
 * @param cache of this worker's own, to be kept over connections
 */
export function admitMeshPeer(
  socket: TLSSocket,
  bundles: TrustBundles,
  nowMs: number,
  cache?: ChainCache,
): MeshPeer {
  try {
    return admit(socket, () => verifyTlsPeer(socket, bundles, nowMs, { cache }));
  } catch (error) {
    if (!(error instanceof SvidError)) throw error;
    return { kind: 'refused', error };
  }
}

function admit(socket: TLSSocket, verifyPeer: () => SpiffeId): MeshPeer {
  const protocol = socket.alpnProtocol;
  switch (protocol) {
    case ALPN.enrol:
      checkTls13(socket);
      return { kind: 'enrolment' };
    case ALPN.trunk: {
      checkTls13(socket);
      const peer = verifyPeer();
      checkIdentity(peer, gatewayId(peer.trustDomain));
      return { kind: 'trunk', peer, trustDomain: peer.trustDomain };
    }
    case ALPN.h2:
    case ALPN.http1:
      return { kind: 'client', protocol, caller: verifyPeer() };
    default:
      throw new SvidError('refused-by-tls', 'peer names no protocol of this port');
  }
}

function checkTls13(socket: TLSSocket): void {
  if (socket.getProtocol() === 'TLSv1.3') return;
  throw new SvidError('tls-version', `gateways speak TLS 1.3 to each other, not ${socket.getProtocol()}`);
}

function checkIdentity(found: SpiffeId, expected: SpiffeId): void {
  if (found.text === expected.text) return;
  throw new SvidError('unexpected-identity', `peer is ${found.text}, not ${expected.text}`);
}

function rootsPem(rootsDer: readonly Uint8Array[]): string[] {
  return rootsDer.map((der) => certificatesToPem([der]));
}

/**
 * A ticket is sent before our own checks, and carries OpenSSL's verdict, which knows one set of roots for all
 * trust domains. Where trust domains have roots of their own that verdict is not enough, so nothing is resumed.
 */
function mayResume(bundles: TrustBundles): boolean {
  const sets = [...bundles.values()].map((roots) => roots.map((der) => Buffer.from(der).toString('base64')));
  return new Set(sets.map((roots) => roots.sort().join())).size <= 1;
}

/** At most 32 bytes. */
function sessionContext(bundles: TrustBundles): string {
  return Buffer.from(bundlesFingerprint(bundles)).toString('hex').slice(0, 32);
}
