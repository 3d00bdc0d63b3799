import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { clusterTrustDomain } from '../../federation/model/identity.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { certificatesFromPem } from '../../trust/pem.ts';
import { SvidError } from '../../trust/svid-error.ts';
import { checkEnrolmentServer, type ExpectedGateway, enrolmentClientOptions } from '../../trust/tls.ts';
import { dialFailure } from './dial-failure.ts';
import {
  decodeMessage,
  type EnrolmentRequest,
  type EnrolmentResponse,
  encodeMessage,
  enrolmentResponse,
  MAX_ENROLMENT_BYTES,
} from './enrolment-message.ts';
import type { JoinToken } from './token.ts';

const TIMEOUT_MS = 15_000;
const LENGTH_BYTES = 4;

/**
 * Sends one request to the inviting cluster, trying its gateways in turn. The token's root is the only one trusted,
 * and the other end must be the gateway of the cluster that made the token.
 * @throws UserError naming each address and why it did not do.
 */
export async function requestEnrolment(
  token: JoinToken,
  request: EnrolmentRequest,
  nowMs: number,
): Promise<EnrolmentResponse> {
  const failures: string[] = [];
  for (const address of token.gateways) {
    try {
      return await ask(address, token, request, nowMs);
    } catch (failure) {
      failures.push(`${address}: ${dialFailure(failure)}`);
    }
  }
  throw new UserError(`no gateway of ${token.invitedBy} could be asked\n  ${failures.join('\n  ')}`, {
    hint: `is ${token.invitedBy} running, and are its gateways reachable from here?`,
  });
}

async function ask(
  address: string,
  token: JoinToken,
  request: EnrolmentRequest,
  nowMs: number,
): Promise<EnrolmentResponse> {
  const peerTrustDomain = clusterTrustDomain(token.invitedBy, token.clusterset);
  const bundles = new Map([[peerTrustDomain, certificatesFromPem(token.rootPem)]]);
  const expected = { bundles, peerTrustDomain, nowMs };
  const socket = await dial(address, enrolmentClientOptions(expected));
  try {
    checkServer(socket, expected);
    const answer = readFrame(socket);
    socket.write(frame(encodeMessage(request)));
    const response = decodeMessage(await answer, enrolmentResponse);
    if (response === undefined) throw new Error('its answer was not understood');
    return response;
  } finally {
    socket.destroy();
  }
}

function dial(address: string, options: ConnectionOptions): Promise<TLSSocket> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connect({ ...options, host, port: Number(address.slice(colon + 1)) });
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('no answer in time')));
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

function checkServer(socket: TLSSocket, expected: ExpectedGateway): void {
  try {
    checkEnrolmentServer(socket, expected);
  } catch (failure) {
    if (failure instanceof SvidError) throw new Error(`it is refused: ${failure.message}`);
    throw failure;
  }
}

function frame(payload: Uint8Array): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(payload.length);
  return Buffer.concat([length, payload]);
}

function readFrame(socket: TLSSocket): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < LENGTH_BYTES) return;
      const length = received.readUInt32BE(0);
      if (length > MAX_ENROLMENT_BYTES) reject(new Error('its answer is too large'));
      else if (received.length >= LENGTH_BYTES + length) {
        resolve(received.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
      }
    });
    socket.once('close', () => reject(new Error('it closed the connection without an answer')));
    socket.once('error', reject);
  });
}
