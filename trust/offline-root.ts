import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrustDomain } from '../federation/model/identity.ts';
import { UserError } from '../federation/model/user-error.ts';
import { createIntermediate, createRoot } from './authority.ts';
import type { TrustBundle } from './bundle.ts';
import type { Certificate } from './certificate.ts';
import { CsrError, createIntermediateCsr, parseCsr } from './csr.ts';
import {
  type ClusterTrust,
  loadTrustFolder,
  readBundle,
  readCertificates,
  readKey,
  readRoot,
  required,
  TRUST_FILE,
} from './folder.ts';
import { bundleOfRoot, refuseOverwriting, writeTrustBundle } from './folder-writer.ts';
import { checkIntermediate, trustDomainOf } from './intermediate-check.ts';
import { generateKeyPair, type KeyPair, keyPairOf } from './key.ts';
import { clustersetOfMember, memberTrustDomain } from './member.ts';
import { PemError, parsePem, toPem } from './pem.ts';
import { readTrustFile, writeTrustFile } from './trust-file.ts';

/**
 * The way of an intermediate when the root is not at hand: the cluster makes a key and a request, the root, wherever
 * it is kept, signs it, and the cluster takes the certificate in. The same again renews it.
 */

const REQUEST_LABEL = 'CERTIFICATE REQUEST';

/** Makes a root for a folder of its own, to be kept offline. @throws UserError when there is one already. */
export async function foundRootFolder(folder: string, clusterset: string, nowMs: number): Promise<void> {
  await refuseOverwriting(folder);
  const root = await createRoot({ clusterset, nowMs });
  await writeTrustFile(join(folder, TRUST_FILE.rootKey), root.privateKeyPem, 'secret');
  await writeTrustBundle(folder, bundleOfRoot(root, clusterset, 1));
}

/**
 * Writes a request for the cluster's intermediate, for the key that is there or else for a new one.
 * @returns the path of the request
 */
export async function requestIntermediate(folder: string, trustDomain: TrustDomain): Promise<string> {
  const keyPath = join(folder, TRUST_FILE.intermediateKey);
  const existing = await readTrustFile(keyPath, 'secret');
  const keyPair = existing === undefined ? await generateKeyPair() : keyPairIn(keyPath, existing);
  if (existing === undefined) await writeTrustFile(keyPath, keyPair.privateKeyPem, 'secret');
  const requestPath = join(folder, TRUST_FILE.request);
  await writeTrustFile(
    requestPath,
    toPem(REQUEST_LABEL, await createIntermediateCsr(keyPair, trustDomain)),
    'public',
  );
  return requestPath;
}

function keyPairIn(path: string, privateKeyPem: string): KeyPair {
  try {
    return keyPairOf(privateKeyPem);
  } catch {
    // Without the reason: it could repeat a part of the key.
    throw new UserError(`${path}: holds no private key in PEM`, { hint: 'restore it from a backup' });
  }
}

/**
 * Signs a request with the root in `folder`, for one cluster and no other.
 * @returns the intermediate as PEM
 * @throws UserError
 */
export async function signRequest(request: {
  readonly folder: string;
  readonly requestPath: string;
  readonly cluster: string;
  /** Needed only where the root does not tell it. */
  readonly clusterset?: string | undefined;
  readonly nowMs: number;
}): Promise<{ readonly trustDomain: TrustDomain; readonly certificatePem: string }> {
  const root = await readRoot(request.folder);
  if (root === undefined) {
    throw new UserError(`${join(request.folder, TRUST_FILE.rootKey)}: does not exist`, {
      hint: 'run this where the root is kept, or name its folder with --dir',
    });
  }
  const rootPath = join(request.folder, TRUST_FILE.root);
  const [certificate] = readCertificates(rootPath, root.certificatePem);
  const trustDomain = memberTrustDomain(
    request.cluster,
    clustersetOf(certificate, rootPath, request.clusterset),
  );
  const csrDer = readRequest(request.requestPath, await required(request.requestPath, 'public'), trustDomain);
  return {
    trustDomain,
    certificatePem: await createIntermediate(root, { trustDomain, csrDer, nowMs: request.nowMs }),
  };
}

/**
 * Takes a signed intermediate into the folder whose key it belongs to, and with the first one its root.
 * @throws UserError, with the folder as it was.
 */
export async function installIntermediate(request: {
  readonly folder: string;
  readonly signedPath: string;
  /** Needed the first time; later the bundle is there, and only a rotation changes it. */
  readonly rootPath?: string | undefined;
  readonly nowMs: number;
}): Promise<ClusterTrust> {
  const { folder, signedPath, nowMs } = request;
  const pem = await required(signedPath, 'public');
  const chain = readCertificates(signedPath, pem);
  const [intermediate] = chain;
  if (intermediate === undefined) throw new UserError(`${signedPath}: holds no certificate`);
  const trustDomain = trustDomainOf(signedPath, intermediate);
  await readKey(join(folder, TRUST_FILE.intermediateKey), intermediate, signedPath);
  const bundle = await bundleFor(request, clustersetOfMember(trustDomain));
  checkIntermediate(signedPath, chain, bundle, nowMs);
  await writeTrustBundle(folder, bundle);
  await writeTrustFile(join(folder, TRUST_FILE.intermediate), pem, 'public');
  await rm(join(folder, TRUST_FILE.request), { force: true });
  return loadTrustFolder(folder, { nowMs, trustDomain });
}

async function bundleFor(
  { folder, rootPath }: { readonly folder: string; readonly rootPath?: string | undefined },
  clusterset: TrustDomain,
): Promise<TrustBundle> {
  const bundlePath = join(folder, TRUST_FILE.bundle);
  if ((await readTrustFile(bundlePath, 'public')) !== undefined) return readBundle(bundlePath, clusterset);
  if (rootPath !== undefined) {
    const certificatePem = await required(rootPath, 'public');
    readCertificates(rootPath, certificatePem);
    return bundleOfRoot({ certificatePem }, clusterset, 1);
  }
  throw new UserError(`${bundlePath}: does not exist, so the root is not known`, {
    hint: "name the root's certificate with --root",
    exitCode: 2,
  });
}

function readRequest(path: string, pem: string, trustDomain: TrustDomain): Uint8Array {
  try {
    const [block, ...others] = parsePem(pem);
    if (block?.label !== REQUEST_LABEL || others.length > 0)
      throw new PemError(`must hold one ${REQUEST_LABEL}`);
    const { uris } = parseCsr(block.der);
    if (uris.length === 1 && uris[0] === `spiffe://${trustDomain}`) return block.der;
    throw new UserError(`${path}: asks for ${uris.join(', ') || 'no trust domain'}, not for ${trustDomain}`, {
      hint: 'name the cluster that made the request with --cluster',
    });
  } catch (failure) {
    if (!(failure instanceof PemError) && !(failure instanceof CsrError)) throw failure;
    throw new UserError(`${path}: ${failure.message}`, {
      hint: 'make the request with `isthmus trust init --request`',
      cause: failure,
    });
  }
}

/** Our own roots name their clusterset; one that somebody brought along need not. */
function clustersetOf(root: Certificate | undefined, path: string, given: string | undefined): TrustDomain {
  const [uri] = root?.extensions.subjectAltNames.filter((name) => name.kind === 'uri') ?? [];
  const own =
    uri?.kind === 'uri' && uri.value.startsWith('spiffe://')
      ? uri.value.slice('spiffe://'.length)
      : undefined;
  if (own !== undefined && given !== undefined && own !== given) {
    throw new UserError(`${path}: is the root of ${own}, not of ${given}`, {
      exitCode: 2,
      hint: 'name the right folder',
    });
  }
  const clusterset = own ?? given;
  if (clusterset !== undefined) return clusterset;
  throw new UserError(`${path}: does not say which clusterset it is for`, {
    exitCode: 2,
    hint: 'name it with --clusterset',
  });
}
