import { connect, type TLSSocket } from 'node:tls';
import type { HostPort } from '../../federation/model/endpoint.ts';
import type { TrustDomain } from '../../federation/model/identity.ts';
import type { TrustBundles } from '../../trust/bundle.ts';
import { checkEnrolmentServer, enrolmentClientOptions } from '../../trust/tls.ts';

const TIMEOUT_MS = 5_000;

export interface ExpectedGateway {
  readonly bundles: TrustBundles;
  readonly trustDomain: TrustDomain;
  readonly nowMs: number;
}

/**
 * Whether a cluster's gateway answers at an address, as a joining cluster would find it: TCP, TLS, and its identity.
 * @throws Error saying what is there instead.
 */
export async function probeGateway({ host, port }: HostPort, expected: ExpectedGateway): Promise<void> {
  const { bundles, trustDomain: peerTrustDomain, nowMs } = expected;
  const socket = connect({ host, port, ...enrolmentClientOptions({ bundles, peerTrustDomain }) });
  try {
    await secured(socket);
    checkEnrolmentServer(socket, { bundles, peerTrustDomain, nowMs });
  } finally {
    socket.destroy();
  }
}

function secured(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(TIMEOUT_MS, () => reject(new Error('no answer in time')));
    socket.once('secureConnect', resolve);
    socket.once('close', () => reject(new Error('it closed the connection in the handshake')));
    socket.once('error', reject);
  });
}
