import { createHash } from 'node:crypto';
import { z } from 'zod';
import { parseTrustDomain, type TrustDomain } from '../federation/model/identity.ts';
import { parseCertificate, publicKeyOf } from './certificate.ts';
import { SvidError } from './svid-error.ts';

/** The roots that vouch for one trust domain (SPIFFE Trust Domain and Bundle, section 4). */
export interface TrustBundle {
  readonly trustDomain: TrustDomain;
  /** Empty = trust nothing. */
  readonly rootsDer: readonly Uint8Array[];
  /** Grows with each change: `spiffe_sequence`. */
  readonly sequence: number;
  /** How often to look for a newer one: `spiffe_refresh_hint`. */
  readonly refreshHintSeconds: number;
}

/** Roots (DER) by trust domain: what connections are verified against. Never merged across trust domains. */
export type TrustBundles = ReadonlyMap<TrustDomain, readonly Uint8Array[]>;

/** A bundle document that cannot be used; the message names the field. */
export class BundleError extends Error {
  override readonly name = 'BundleError';
}

const MAX_BUNDLE_BYTES = 1024 * 1024;
const MAX_KEYS = 64;
const DEFAULT_REFRESH_SECONDS = 300;
const SVID_USE = 'x509-svid';

const jwks = z.object({
  keys: z
    .array(
      z.object({
        kty: z.string().max(32),
        use: z.string().max(64).optional(),
        crv: z.string().max(32).optional(),
        x: z.string().max(1024).optional(),
        y: z.string().max(1024).optional(),
        n: z.string().max(2048).optional(),
        e: z.string().max(64).optional(),
        x5c: z.array(z.base64().max(32768)).max(8).optional(),
      }),
    )
    .max(MAX_KEYS),
  spiffe_sequence: z.int().nonnegative().default(0),
  spiffe_refresh_hint: z.int().nonnegative().default(DEFAULT_REFRESH_SECONDS),
});

type Jwk = z.infer<typeof jwks>['keys'][number];

/**
 * Reads a SPIFFE bundle (a JWKS document). The document does not say whose it is: that is known by where it came
 * from. Keys for other uses than `x509-svid` are passed over, as the standard says.
 * @throws BundleError
 */
export function parseBundle(jwksText: string, trustDomain: TrustDomain): TrustBundle {
  if (jwksText.length > MAX_BUNDLE_BYTES) throw new BundleError('bundle is larger than 1 MiB');
  const parsed = jwks.safeParse(parseJson(jwksText));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new BundleError(`bundle: ${issue?.path.join('.') || 'document'}: ${issue?.message}`);
  }
  const document = parsed.data;
  const rootsDer = document.keys.flatMap((key, i) => (key.use === SVID_USE ? [readRoot(key, i)] : []));
  return {
    trustDomain: parseTrustDomain(trustDomain),
    rootsDer,
    sequence: document.spiffe_sequence,
    refreshHintSeconds: document.spiffe_refresh_hint,
  };
}

/** The same as a SPIFFE bundle document, indented, with a newline at its end. */
export function printBundle(bundle: TrustBundle): string {
  const keys = bundle.rootsDer.map((der) => ({
    use: SVID_USE,
    ...publicKeyOf(parseCertificate(der)).export({ format: 'jwk' }),
    x5c: [Buffer.from(der).toString('base64')],
  }));
  const document = {
    keys,
    spiffe_sequence: bundle.sequence,
    spiffe_refresh_hint: bundle.refreshHintSeconds,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Every member of a clusterset has the clusterset's own roots, each under its own trust domain. */
export function bundlesFor(trustDomains: Iterable<TrustDomain>, bundle: TrustBundle): TrustBundles {
  return new Map([...trustDomains].map((trustDomain) => [trustDomain, bundle.rootsDer]));
}

/** A hash (32 bytes) that changes with each change of who is trusted for what, and with nothing else. */
export function bundlesFingerprint(bundles: TrustBundles): Uint8Array {
  const hash = createHash('sha256');
  for (const trustDomain of [...bundles.keys()].sort()) {
    const roots = (bundles.get(trustDomain) ?? []).map((der) =>
      createHash('sha256').update(der).digest('hex'),
    );
    hash.update(`${JSON.stringify([trustDomain, ...roots.sort()])}\n`);
  }
  return new Uint8Array(hash.digest());
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (failure) {
    throw new BundleError('bundle is not JSON', { cause: failure });
  }
}

/** The certificate is what is trusted; the bare key beside it must be the same key. */
function readRoot(key: Jwk, index: number): Uint8Array {
  const where = `bundle: keys.${index}`;
  const [x5c] = key.x5c ?? [];
  if (x5c === undefined || key.x5c?.length !== 1)
    throw new BundleError(`${where}.x5c: must hold one certificate`);
  const der = new Uint8Array(Buffer.from(x5c, 'base64'));
  try {
    const root = parseCertificate(der);
    const own = publicKeyOf(root).export({ format: 'jwk' });
    const same = own.kty === key.kty && own.crv === key.crv && own.x === key.x && own.y === key.y;
    if (!same || own.n !== key.n || own.e !== key.e)
      throw new BundleError(`${where}: key and certificate differ`);
    if (root.extensions.basicConstraints?.ca !== true) throw new BundleError(`${where}: not an authority`);
  } catch (failure) {
    if (!(failure instanceof SvidError)) throw failure;
    throw new BundleError(`${where}.x5c: ${failure.message}`, { cause: failure });
  }
  return der;
}
