import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { UserError } from '../federation/model/user-error.ts';
import type { Certificate } from './certificate.ts';
import { loadTrustFolder, readCertificates, readRoot, TRUST_FILE } from './folder.ts';
import { readTrustFile, trustFileExists } from './trust-file.ts';

/** One certificate of a trust folder, for a person or a program to read. */
export interface CertificateStatus {
  readonly file: string;
  /** SPIFFE ID or trust domain that it names; undefined for a root that somebody brought along. */
  readonly identity: string | undefined;
  readonly serial: string;
  /** Of the DER, lower-case hexadecimal. */
  readonly sha256: string;
  /** ISO 8601. */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly expiresInSeconds: number;
}

/** What is in a trust folder. */
export interface TrustStatus {
  readonly folder: string;
  readonly trustDomain: string | undefined;
  /** True where the root's key is. */
  readonly holdsRootKey: boolean;
  readonly certificates: readonly CertificateStatus[];
  readonly bundle: { readonly sequence: number; readonly roots: number } | undefined;
  /** A request waits to be signed by an offline root. */
  readonly requestPending: boolean;
  /** What somebody should look after; empty = all is well. */
  readonly findings: readonly string[];
}

const DAY_MS = 86_400_000;
const ROOT_WARNING_MS = 365 * DAY_MS;

/** Looks at a trust folder as it is, good or bad. @throws UserError when there is nothing to look at. */
export async function inspectTrustFolder(folder: string, nowMs: number): Promise<TrustStatus> {
  const pems = [TRUST_FILE.root, TRUST_FILE.intermediate].map((name) => join(folder, name));
  const certificates: CertificateStatus[] = [];
  const findings: string[] = [];
  for (const path of pems) {
    await finding(findings, async () => {
      const pem = await readTrustFile(path, 'public');
      const parsed = pem === undefined ? [] : readCertificates(path, pem);
      certificates.push(...parsed.map((certificate) => describe(path, certificate, nowMs)));
    });
  }
  const isWaiting = await trustFileExists(join(folder, TRUST_FILE.request));
  if (certificates.length === 0 && findings.length === 0 && !isWaiting) {
    throw new UserError(`${folder}: holds no trust`, {
      hint: 'name a trust folder with --dir, or make one with `isthmus trust init`',
    });
  }
  const rest = await inspectWhole(folder, nowMs, findings);
  return { folder, certificates, findings, ...rest };
}

type Whole = Pick<TrustStatus, 'trustDomain' | 'holdsRootKey' | 'bundle' | 'requestPending'>;

async function inspectWhole(folder: string, nowMs: number, findings: string[]): Promise<Whole> {
  const has = (name: string): Promise<boolean> => trustFileExists(join(folder, name));
  const requestPending = await has(TRUST_FILE.request);
  const isMember = (await has(TRUST_FILE.intermediate)) || (await has(TRUST_FILE.intermediateKey));
  const root = await finding(findings, () => readRoot(folder));
  const nothing = {
    trustDomain: undefined,
    bundle: undefined,
    holdsRootKey: root !== undefined,
    requestPending,
  };
  if (!isMember) return nothing;
  if (requestPending)
    findings.push(`${TRUST_FILE.request} waits to be signed: \`isthmus trust sign\` where the root is`);
  if (requestPending && !(await has(TRUST_FILE.intermediate))) return nothing;
  const trust = await finding(findings, () => loadTrustFolder(folder, { nowMs }));
  if (trust === undefined) return nothing;
  if (nowMs >= trust.intermediateRenewalMs) {
    findings.push(
      `${TRUST_FILE.intermediate} has lived more than half of its life: it should have been renewed`,
    );
  }
  if (trust.rootNotAfterMs - nowMs < ROOT_WARNING_MS)
    findings.push('the root expires within a year: replace it');
  const bundle = { sequence: trust.bundle.sequence, roots: trust.bundle.rootsDer.length };
  return { ...nothing, trustDomain: trust.trustDomain, bundle };
}

/** Notes what a person is told of a failure, once, and goes on without the result. */
async function finding<T>(findings: string[], look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (failure) {
    if (!(failure instanceof UserError)) throw failure;
    if (!findings.includes(failure.message)) findings.push(failure.message);
    return undefined;
  }
}

function describe(file: string, certificate: Certificate, nowMs: number): CertificateStatus {
  const uri = certificate.extensions.subjectAltNames.find((name) => name.kind === 'uri');
  return {
    file,
    identity: uri?.kind === 'uri' ? uri.value : undefined,
    serial: certificate.serial,
    sha256: createHash('sha256').update(certificate.der).digest('hex'),
    notBefore: new Date(certificate.notBeforeMs).toISOString(),
    notAfter: new Date(certificate.notAfterMs).toISOString(),
    expiresInSeconds: Math.floor((certificate.notAfterMs - nowMs) / 1000),
  };
}
