import { clusterTrustDomain, IdentityError } from '../../federation/model/identity.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import { createIntermediate } from '../../trust/authority.ts';
import { CsrError, parseCsr } from '../../trust/csr.ts';
import { loadTrustFolder } from '../../trust/folder.ts';
import { localClusterOf, readClusterFile } from '../folder/cluster-file.ts';
import { folderLayout } from '../folder/layout.ts';
import { folderRecords, type MembershipRecords } from '../folder/records.ts';
import {
  decodeMessage,
  type EnrolmentRequest,
  type EnrolmentResponse,
  encodeMessage,
  enrolmentRequest,
  type RefusalReason,
} from './enrolment-message.ts';

/** What relays a joining cluster's request to whoever decides. */
export interface Enrolment {
  /** Never throws: a refusal is an answer. */
  enrol(request: Uint8Array, context: { readonly remoteAddress: string }): Promise<Uint8Array>;
}

export interface EnrolmentOptions {
  /** The inviting cluster's folder. */
  readonly dir: string;
  /** By default in the folder. */
  readonly records?: MembershipRecords;
  readonly clock: Clock;
  /** Told of each decision, and of each failure with its cause. */
  readonly log: (event: EnrolmentEvent) => void;
}

export interface EnrolmentEvent {
  readonly outcome: 'accepted' | RefusalReason;
  readonly cluster: string | undefined;
  readonly remoteAddress: string;
  readonly cause?: unknown;
}

/** Joins are rare and costly (a signature, three durable writes): more at once are an attack. */
const MAX_AT_ONCE = 4;

/** Decides over enrolments at a trust home: the token must be this cluster's, unused, in time, and for that name. */
export function createEnrolment(options: EnrolmentOptions): Enrolment {
  let running = 0;
  return {
    enrol: async (request, { remoteAddress }) => {
      const message = decodeMessage(request, enrolmentRequest);
      const tell = (response: EnrolmentResponse, cause?: unknown): Uint8Array => {
        const outcome = response.kind === 'accepted' ? 'accepted' : response.reason;
        options.log({ outcome, cluster: message?.cluster, remoteAddress, cause });
        return encodeMessage(response);
      };
      if (message === undefined) return tell(refused('malformed'));
      if (running >= MAX_AT_ONCE) return tell(refused('busy'));
      running += 1;
      try {
        return tell(await decide(options, message));
      } catch (failure) {
        return tell(refused('failed'), failure);
      } finally {
        running -= 1;
      }
    },
  };
}

function refused(reason: RefusalReason): EnrolmentResponse {
  return { kind: 'refused', reason };
}

async function decide(options: EnrolmentOptions, request: EnrolmentRequest): Promise<EnrolmentResponse> {
  const layout = folderLayout(options.dir);
  const nowMs = options.clock.now();
  const own = localClusterOf(await readClusterFile(layout));
  if (request.clusterset !== own.clusterset) return refused('other-clusterset');
  const trust = await loadTrustFolder(layout.trust, { nowMs, trustDomain: own.trustDomain });
  if (trust.root === undefined) return refused('not-trust-home');
  const { invites, peers } = options.records ?? folderRecords(layout);
  const { inviteId: id, secret, cluster } = request;
  const claim = { id, secret, cluster, nowMs };
  // The token first: who has none learns nothing of what else is wrong.
  const invited = await invites.check(claim);
  if (invited.kind === 'refused') return invited;
  const trustDomain = trustDomainOf(request);
  const csrDer = Buffer.from(request.csr, 'base64');
  if (trustDomain === undefined || !asksFor(csrDer, trustDomain)) return refused('bad-request');
  // Before the token is used up: what is recorded and not to be replaced ends the enrolment.
  await peers.has(cluster);
  const redeemed = await invites.redeem(claim);
  if (redeemed.kind === 'refused') return redeemed;
  const intermediatePem = await createIntermediate(trust.root, { trustDomain, csrDer, nowMs });
  await peers.write({ cluster, trustDomain, gateways: request.gateways });
  return {
    kind: 'accepted',
    intermediatePem,
    rootPem: trust.root.certificatePem,
    invitedBy: { cluster: own.name, trustDomain: own.trustDomain },
  };
}

function trustDomainOf(request: EnrolmentRequest): string | undefined {
  try {
    return clusterTrustDomain(request.cluster, request.clusterset);
  } catch (failure) {
    if (failure instanceof IdentityError) return undefined;
    throw failure;
  }
}

/** The request must be signed by its key and name exactly the trust domain that the token is for. */
function asksFor(csrDer: Uint8Array, trustDomain: string): boolean {
  try {
    const { uris } = parseCsr(csrDer);
    return uris.length === 1 && uris[0] === `spiffe://${trustDomain}`;
  } catch (failure) {
    if (failure instanceof CsrError) return false;
    throw failure;
  }
}
