import { clusterTrustDomain } from '../../federation/model/identity.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { createIntermediateCsr } from '../../trust/csr.ts';
import { bundleOfRoot, refuseOverwriting, writeTrustFolder } from '../../trust/folder-writer.ts';
import { generateKeyPair } from '../../trust/key.ts';
import { requestEnrolment } from '../join/enrolment-client.ts';
import { type EnrolmentResponse, REFUSALS } from '../join/enrolment-message.ts';
import { type JoinToken, parseToken } from '../join/token.ts';
import { writeClusterFile } from './cluster-file.ts';
import { claimFolder, type FolderPlan, writeConfiguration } from './configuration.ts';
import { makeFolder } from './folder-making.ts';
import { type FolderLayout, folderLayout } from './layout.ts';
import { folderRecords, type MembershipRecords } from './records.ts';

export interface JoinOptions extends Omit<FolderPlan, 'cluster'> {
  readonly token: string;
  /** When given, the token must be for it. */
  readonly cluster: string | undefined;
  readonly nowMs: number;
  /** By default in the folder. */
  readonly records?: MembershipRecords | undefined;
}

export interface JoinResult {
  readonly layout: FolderLayout;
  readonly cluster: string;
  readonly clusterset: string;
  readonly trustDomain: string;
  readonly invitedBy: string;
}

/**
 * Joins a clusterset: makes a key that never leaves this folder, has the trust home sign its intermediate, and writes
 * the folder that the cluster's processes run from.
 * @throws UserError saying who refused what; then the folder is as it was.
 */
export async function joinCluster(options: JoinOptions): Promise<JoinResult> {
  const token = parseToken(options.token);
  checkToken(token, options);
  const layout = folderLayout(options.dir);
  return makeFolder(layout, () => redeem(token, layout, options));
}

async function redeem(token: JoinToken, layout: FolderLayout, options: JoinOptions): Promise<JoinResult> {
  const { cluster, clusterset } = token;
  const { peers } = options.records ?? folderRecords(layout);
  await claimFolder(layout, cluster);
  // Before the token is used up: a folder that cannot be taken must not cost it.
  await refuseOverwriting(layout.trust);
  await peers.has(token.invitedBy);
  const trustDomain = clusterTrustDomain(cluster, clusterset);
  const keyPair = await generateKeyPair();
  const csr = await createIntermediateCsr(keyPair, trustDomain);
  const accepted = acceptedOrThrow(
    token,
    await requestEnrolment(
      token,
      {
        version: 1,
        clusterset,
        cluster,
        inviteId: token.inviteId,
        secret: token.secret,
        csr: Buffer.from(csr).toString('base64'),
        gateways: [...options.advertise],
      },
      options.nowMs,
    ),
  );
  await writeTrustFolder(layout.trust, {
    intermediatePem: accepted.intermediatePem,
    intermediateKeyPem: keyPair.privateKeyPem,
    // The token's root, not the answer's: whom to trust was settled out of band.
    bundle: bundleOfRoot({ certificatePem: token.rootPem }, clusterset, 1),
  });
  await writeMember(layout, options, token);
  await peers.write({ ...accepted.invitedBy, gateways: token.gateways });
  return { layout, cluster, clusterset, trustDomain, invitedBy: token.invitedBy };
}

async function writeMember(layout: FolderLayout, options: JoinOptions, token: JoinToken): Promise<void> {
  const { cluster, clusterset, store, storeUser } = token;
  await writeConfiguration(layout, { ...options, cluster }, { clusterset, store, storeUser });
  await writeClusterFile(layout, {
    cluster,
    clusterset,
    locality: options.locality,
    trustHome: false,
    gateways: [...options.advertise],
    store,
  });
}

function checkToken(token: JoinToken, options: JoinOptions): void {
  if (options.nowMs >= token.expiresAtMs) throw refusal(token, REFUSALS.expired);
  if (options.cluster !== undefined && options.cluster !== token.cluster) {
    throw refusal(token, `the token is for a cluster called ${token.cluster}, not ${options.cluster}`);
  }
}

function acceptedOrThrow(
  token: JoinToken,
  response: EnrolmentResponse,
): Extract<EnrolmentResponse, { kind: 'accepted' }> {
  if (response.kind === 'refused') throw refusal(token, REFUSALS[response.reason]);
  const expected = clusterTrustDomain(token.invitedBy, token.clusterset);
  if (response.invitedBy.trustDomain !== expected) {
    throw refusal(token, `the answer is by ${response.invitedBy.trustDomain}, not by ${expected}`);
  }
  return response;
}

/** Whether a join failed because of its token, also where only the words came through: nothing but another token helps. */
export function isJoinRefusal({ message }: UserError): boolean {
  return / cannot join [^ ]+: /.test(message);
}

function refusal(token: JoinToken, reason: string): UserError {
  return new UserError(`${token.cluster} cannot join ${token.clusterset}: ${reason}`, {
    hint: `make a new token with isthmus cluster invite ${token.cluster} at ${token.invitedBy}`,
  });
}
