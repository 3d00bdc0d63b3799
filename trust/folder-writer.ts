import { createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import { UserError } from '../federation/model/user-error.ts';
import { type Authority, createIntermediate, createRoot } from './authority.ts';
import { printBundle, type TrustBundle } from './bundle.ts';
import { type ClusterTrust, loadTrustFolder, TRUST_FILE } from './folder.ts';
import { generateKeyPair } from './key.ts';
import { memberTrustDomain } from './member.ts';
import { certificatesFromPem, certificatesToPem } from './pem.ts';
import { trustFileExists, writeTrustFile } from './trust-file.ts';

const DEFAULT_REFRESH_SECONDS = 300;

/** What a cluster needs of trust in order to be a member. */
export interface TrustFolderContent {
  /** PEM; the intermediate first. */
  readonly intermediatePem: string;
  readonly intermediateKeyPem: string;
  readonly bundle: TrustBundle;
  /** PKCS#8; only at the trust home. */
  readonly rootKeyPem?: string;
}

/**
 * Founds a clusterset: makes its root and this cluster's intermediate, writes both.
 * @throws UserError when the folder already holds a trust of its own.
 */
export async function foundTrustFolder(request: {
  readonly folder: string;
  readonly cluster: string;
  readonly clusterset: string;
  readonly nowMs: number;
}): Promise<ClusterTrust> {
  const { folder, cluster, clusterset, nowMs } = request;
  const trustDomain = memberTrustDomain(cluster, clusterset);
  await refuseOverwriting(folder);
  const root = await createRoot({ clusterset, nowMs });
  const keyPair = await generateKeyPair();
  const intermediatePem = await createIntermediate(root, {
    trustDomain,
    publicKeyPem: keyPair.publicKeyPem,
    nowMs,
  });
  await writeTrustFolder(folder, {
    intermediatePem,
    intermediateKeyPem: keyPair.privateKeyPem,
    bundle: bundleOfRoot(root, clusterset, 1),
    rootKeyPem: root.privateKeyPem,
  });
  return loadTrustFolder(folder, { nowMs, trustDomain });
}

/** The bundle that trusts one root. */
export function bundleOfRoot(
  root: Pick<Authority, 'certificatePem'>,
  clusterset: string,
  sequence: number,
): TrustBundle {
  return {
    trustDomain: clusterset,
    rootsDer: certificatesFromPem(root.certificatePem),
    sequence,
    refreshHintSeconds: DEFAULT_REFRESH_SECONDS,
  };
}

/**
 * Writes a member's trust folder, keys first and each file as a whole, so that what is there can be used.
 * @throws UserError when the folder already holds a trust of its own.
 */
export async function writeTrustFolder(folder: string, content: TrustFolderContent): Promise<void> {
  await refuseOverwriting(folder);
  if (content.rootKeyPem !== undefined)
    await writeTrustFile(join(folder, TRUST_FILE.rootKey), content.rootKeyPem, 'secret');
  await writeTrustFile(join(folder, TRUST_FILE.intermediateKey), content.intermediateKeyPem, 'secret');
  await writeTrustBundle(folder, content.bundle);
  await writeTrustFile(join(folder, TRUST_FILE.intermediate), content.intermediatePem, 'public');
}

/** Replaces the bundle, in both of its forms. */
export async function writeTrustBundle(folder: string, bundle: TrustBundle): Promise<void> {
  await writeTrustFile(join(folder, TRUST_FILE.bundle), printBundle(bundle), 'public');
  await writeTrustFile(join(folder, TRUST_FILE.root), certificatesToPem(bundle.rootsDer), 'public');
}

/**
 * Signs a new intermediate for the same key where the root's key is at hand, once half of the old one's life is
 * over. One file is replaced, so certificate and key always belong together.
 * @returns the folder as it is then, or undefined when nothing was due.
 */
export async function renewIntermediate(
  trust: ClusterTrust,
  nowMs: number,
): Promise<ClusterTrust | undefined> {
  if (trust.root === undefined || nowMs < trust.intermediateRenewalMs) return undefined;
  const publicKeyPem = createPublicKey(trust.intermediate.privateKeyPem).export({
    type: 'spki',
    format: 'pem',
  });
  const pem = await createIntermediate(trust.root, {
    trustDomain: trust.trustDomain,
    publicKeyPem: publicKeyPem.toString(),
    nowMs,
  });
  await writeTrustFile(join(trust.folder, TRUST_FILE.intermediate), pem, 'public');
  return loadTrustFolder(trust.folder, { nowMs, trustDomain: trust.trustDomain });
}

/** @throws UserError when the folder holds any of its files already. */
export async function refuseOverwriting(folder: string): Promise<void> {
  for (const name of [
    TRUST_FILE.rootKey,
    TRUST_FILE.intermediateKey,
    TRUST_FILE.intermediate,
    TRUST_FILE.bundle,
  ]) {
    const path = join(folder, name);
    if (await trustFileExists(path)) {
      throw new UserError(`${path}: exists already, and is not overwritten`, {
        hint: 'name an empty folder; a root that is lost cannot be made again',
      });
    }
  }
}
