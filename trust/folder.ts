import { join } from 'node:path';
import type { TrustDomain } from '../federation/model/identity.ts';
import { UserError } from '../federation/model/user-error.ts';
import type { Authority } from './authority.ts';
import { BundleError, parseBundle, type TrustBundle } from './bundle.ts';
import { type Certificate, parseCertificate } from './certificate.ts';
import { checkIntermediate, trustDomainOf } from './intermediate-check.ts';
import { keyMatches } from './key.ts';
import { clustersetOfMember } from './member.ts';
import { certificatesFromPem, PemError } from './pem.ts';
import { SvidError } from './svid-error.ts';
import { readTrustFile } from './trust-file.ts';

/** What a cluster's trust folder holds. */
export const TRUST_FILE = {
  /** The clusterset's root; in every member's folder, for clients that want PEM. */
  root: 'root.pem',
  /** Only at the trust home, and there only while the root is not kept offline. */
  rootKey: 'root.key',
  intermediate: 'intermediate.pem',
  intermediateKey: 'intermediate.key',
  /** SPIFFE bundle of the clusterset: what every member verifies against. */
  bundle: 'bundle.json',
  /** A request on its way to an offline root. */
  request: 'intermediate.csr',
} as const;

const RESTORE = 'restore it from a backup';

/** A cluster's authority and what it trusts. */
export interface ClusterTrust {
  readonly folder: string;
  readonly trustDomain: TrustDomain;
  /** The trust domain without the cluster's label. */
  readonly clusterset: TrustDomain;
  /** Holds for each trust domain of the clusterset. */
  readonly bundle: TrustBundle;
  readonly intermediate: Authority;
  readonly intermediateNotAfterMs: number;
  /** Half of its life: when a new one is due, Unix ms. */
  readonly intermediateRenewalMs: number;
  /** Only at the trust home. */
  readonly root: Authority | undefined;
  readonly rootNotAfterMs: number;
}

/**
 * Reads and checks a cluster's trust folder: every file there, keys private (0600), certificates and keys belong
 * together, nothing expired, the intermediate signed by a root of the bundle, and of the expected cluster.
 * @throws UserError naming the file and what to do.
 */
export async function loadTrustFolder(
  folder: string,
  expected: { readonly nowMs: number; readonly trustDomain?: TrustDomain },
): Promise<ClusterTrust> {
  const intermediatePath = join(folder, TRUST_FILE.intermediate);
  const chainPem = await required(intermediatePath, 'public');
  const chain = readCertificates(intermediatePath, chainPem);
  const [intermediate] = chain;
  if (intermediate === undefined) throw new UserError(`${intermediatePath}: holds no certificate`);
  const trustDomain = trustDomainOf(intermediatePath, intermediate);
  if (expected.trustDomain !== undefined && trustDomain !== expected.trustDomain) {
    throw new UserError(`${folder}: is the trust folder of ${trustDomain}, not of ${expected.trustDomain}`, {
      hint: "name this cluster's own trust folder, or join again with the right name",
    });
  }
  const clusterset = clustersetOfMember(trustDomain);
  const bundle = await readBundle(join(folder, TRUST_FILE.bundle), clusterset);
  const rootNotAfterMs = checkIntermediate(intermediatePath, chain, bundle, expected.nowMs);
  const keyPath = join(folder, TRUST_FILE.intermediateKey);
  const privateKeyPem = await readKey(keyPath, intermediate, intermediatePath);
  return {
    folder,
    trustDomain,
    clusterset,
    bundle,
    intermediate: { certificatePem: chainPem, privateKeyPem, chainPem },
    intermediateNotAfterMs: intermediate.notAfterMs,
    intermediateRenewalMs: (intermediate.notBeforeMs + intermediate.notAfterMs) / 2,
    root: await readRoot(folder),
    rootNotAfterMs,
  };
}

/** The root with its key, or undefined where the key is not kept here. @throws UserError */
export async function readRoot(folder: string): Promise<Authority | undefined> {
  const keyPath = join(folder, TRUST_FILE.rootKey);
  if ((await readTrustFile(keyPath, 'secret')) === undefined) return undefined;
  const path = join(folder, TRUST_FILE.root);
  const certificatePem = await required(path, 'public');
  const [root] = readCertificates(path, certificatePem);
  if (root === undefined) throw new UserError(`${path}: holds no certificate`);
  return { certificatePem, privateKeyPem: await readKey(keyPath, root, path), chainPem: '' };
}

/** The content of a file that must be there. @throws UserError */
export async function required(path: string, content: 'public' | 'secret'): Promise<string> {
  const text = await readTrustFile(path, content);
  if (text !== undefined) return text;
  throw new UserError(`${path}: does not exist`, {
    hint: 'make a trust folder with `isthmus cluster init`, `isthmus cluster join` or `isthmus trust init`',
  });
}

/** @throws UserError when the key is not that of the certificate. */
export async function readKey(
  path: string,
  certificate: Certificate,
  certificatePath: string,
): Promise<string> {
  const pem = await required(path, 'secret');
  if (belongs(path, pem, certificate)) return pem;
  throw new UserError(`${path}: is not the key of ${certificatePath}`, {
    hint: 'restore both files from the same backup',
  });
}

function belongs(path: string, pem: string, certificate: Certificate): boolean {
  try {
    return keyMatches(pem, certificate.spki);
  } catch {
    // The reason is left out: it could repeat a part of the key.
    throw new UserError(`${path}: holds no private key in PEM`, { hint: RESTORE });
  }
}

/** @throws UserError */
export function readCertificates(path: string, pem: string): readonly Certificate[] {
  try {
    return certificatesFromPem(pem).map((der) => parseCertificate(der));
  } catch (failure) {
    if (!(failure instanceof PemError) && !(failure instanceof SvidError)) throw failure;
    throw new UserError(`${path}: ${failure.message}`, { hint: RESTORE, cause: failure });
  }
}

/** @throws UserError */
export async function readBundle(path: string, clusterset: TrustDomain): Promise<TrustBundle> {
  const text = await required(path, 'public');
  try {
    return parseBundle(text, clusterset);
  } catch (failure) {
    if (!(failure instanceof BundleError)) throw failure;
    throw new UserError(`${path}: ${failure.message}`, { hint: RESTORE, cause: failure });
  }
}
