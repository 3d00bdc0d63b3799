import {
  gatewayDnsName,
  gatewayId,
  IdentityError,
  parseSpiffeId,
  type SpiffeId,
  type TrustDomain,
  workloadId,
} from '../federation/model/identity.ts';
import { UserError } from '../federation/model/user-error.ts';
import { AuthorityError, issueSvid } from './authority.ts';
import { CsrError, createCsr } from './csr.ts';
import { type ClusterTrust, required } from './folder.ts';
import { generateKeyPair } from './key.ts';
import { certificatesToPem, PemError, parsePem } from './pem.ts';
import { writeTrustFile } from './trust-file.ts';

/** Who an SVID is for, as a person names it. */
export interface WorkloadName {
  readonly id?: string | undefined;
  readonly namespace?: string | undefined;
  readonly serviceAccount?: string | undefined;
}

/** The paths that were written. */
export interface IssuedFiles {
  readonly certificate: string;
  /** undefined where the key is the asker's own. */
  readonly key: string | undefined;
  /** Roots to verify others with. */
  readonly roots: string;
}

/** @throws UserError (wrong usage) when it names nobody, or nobody of this trust domain. */
export function parseWorkload(name: WorkloadName, trustDomain: TrustDomain): SpiffeId {
  try {
    const id = idOf(name, trustDomain);
    if (id.trustDomain === trustDomain) return id;
    throw new IdentityError(`${id.text} is not of ${trustDomain}, whose folder this is`);
  } catch (failure) {
    if (!(failure instanceof IdentityError)) throw failure;
    throw new UserError(failure.message, {
      hint: `name it as --namespace NS --service-account SA, or as --id spiffe://${trustDomain}/PATH`,
      exitCode: 2,
      cause: failure,
    });
  }
}

function idOf({ id, namespace, serviceAccount }: WorkloadName, trustDomain: TrustDomain): SpiffeId {
  const isPair = namespace !== undefined && serviceAccount !== undefined;
  if (id !== undefined && namespace === undefined && serviceAccount === undefined) return parseSpiffeId(id);
  if (id === undefined && isPair) return workloadId(trustDomain, namespace, serviceAccount);
  throw new IdentityError('name the workload in one way: namespace and service account, or ID');
}

/**
 * Issues an SVID and writes `<out>.pem` (leaf and intermediate), `<out>.key` (0600, unless a request is given) and
 * `<out>-roots.pem`. A gateway also gets its DNS name.
 * @throws UserError
 */
export async function issueToFiles(
  trust: ClusterTrust,
  request: {
    readonly id: SpiffeId;
    readonly dnsNames: readonly string[];
    readonly ttlMs: number | undefined;
    /** A request whose key stays where it is. */
    readonly csrPath: string | undefined;
    readonly out: string;
    readonly nowMs: number;
  },
): Promise<IssuedFiles> {
  const { id, out, csrPath } = request;
  const isGateway = id.text === gatewayId(id.trustDomain).text;
  const dnsNames = [
    ...new Set([...(isGateway ? [gatewayDnsName(id.trustDomain)] : []), ...request.dnsNames]),
  ];
  const keyPair = csrPath === undefined ? await generateKeyPair() : undefined;
  const csrDer =
    keyPair === undefined ? await readCsrFile(csrPath ?? '') : await createCsr({ keyPair, id, dnsNames });
  const chainDer = await issued(trust, csrPath, { ...request, csrDer, dnsNames });
  const files = { certificate: `${out}.pem`, key: keyPair && `${out}.key`, roots: `${out}-roots.pem` };
  if (keyPair !== undefined) await writeTrustFile(`${out}.key`, keyPair.privateKeyPem, 'secret');
  await writeTrustFile(files.certificate, certificatesToPem(chainDer), 'public');
  await writeTrustFile(files.roots, certificatesToPem(trust.bundle.rootsDer), 'public');
  return files;
}

async function issued(
  trust: ClusterTrust,
  csrPath: string | undefined,
  request: Parameters<typeof issueSvid>[1],
): Promise<readonly Uint8Array[]> {
  try {
    return (await issueSvid(trust.intermediate, request)).chainDer;
  } catch (failure) {
    if (failure instanceof CsrError) {
      throw new UserError(`${csrPath}: ${failure.message}`, { hint: 'make a new request', cause: failure });
    }
    if (!(failure instanceof AuthorityError)) throw failure;
    throw new UserError(failure.message, {
      hint: `names must lie below ${trust.trustDomain}; a life is at least a minute`,
      cause: failure,
    });
  }
}

async function readCsrFile(path: string): Promise<Uint8Array> {
  const pem = await required(path, 'public');
  try {
    const [block, ...others] = parsePem(pem);
    if (block?.label === 'CERTIFICATE REQUEST' && others.length === 0) return block.der;
    throw new PemError('must hold one CERTIFICATE REQUEST');
  } catch (failure) {
    if (!(failure instanceof PemError)) throw failure;
    throw new UserError(`${path}: ${failure.message}`, {
      hint: 'e.g. openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj / -keyout key.pem -out csr.pem',
      cause: failure,
    });
  }
}
