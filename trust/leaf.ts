import { parseSpiffeId, type SpiffeId } from '../federation/model/identity.ts';
import type { Certificate } from './certificate.ts';
import { EXTENDED_KEY_USAGE, KEY_USAGE } from './extensions.ts';
import { SvidError } from './svid-error.ts';

/**
 * What SPIFFE's X509-SVID standard (sections 2 to 5) and RFC 5280 ask of the certificate that stands for a
 * workload, apart from its chain.
 * @throws SvidError naming the broken rule.
 */
export function checkLeafRules(leaf: Certificate, nowMs: number): SpiffeId {
  const id = readSpiffeId(leaf);
  const { basicConstraints, keyUsage, unknownCritical } = leaf.extensions;
  if (basicConstraints?.ca === true)
    throw new SvidError('leaf-is-ca', 'a signing certificate never authenticates');
  if (keyUsage?.has(KEY_USAGE.keyCertSign) || keyUsage?.has(KEY_USAGE.cRLSign)) {
    throw new SvidError('leaf-signs-certificates', 'leaf has key usage keyCertSign or cRLSign');
  }
  if (!keyUsage?.has(KEY_USAGE.digitalSignature)) {
    throw new SvidError('no-digital-signature', 'leaf lacks key usage digitalSignature');
  }
  checkExtendedKeyUsage(leaf);
  checkNoUnknownCritical(unknownCritical);
  checkValidity(leaf, nowMs);
  return id;
}

function readSpiffeId(leaf: Certificate): SpiffeId {
  const uris = leaf.extensions.subjectAltNames.filter((name) => name.kind === 'uri');
  const [uri] = uris;
  if (uri?.kind !== 'uri' || uris.length > 1) {
    throw new SvidError('uri-san-count', `leaf has ${uris.length} URI names instead of one`);
  }
  try {
    return parseSpiffeId(uri.value);
  } catch (failure) {
    const message = failure instanceof Error ? failure.message : String(failure);
    throw new SvidError('spiffe-id', message, { cause: failure });
  }
}

/** Where the extension is there, both uses must be: an SVID serves and calls (X509-SVID section 4.4). */
function checkExtendedKeyUsage({ extensions }: Certificate): void {
  const usage = extensions.extendedKeyUsage;
  if (usage === undefined) return;
  if (!usage.has(EXTENDED_KEY_USAGE.serverAuth) || !usage.has(EXTENDED_KEY_USAGE.clientAuth)) {
    throw new SvidError('extended-key-usage', 'leaf lacks extended key usage serverAuth or clientAuth');
  }
}

export function checkNoUnknownCritical(unknownCritical: readonly string[]): void {
  if (unknownCritical.length === 0) return;
  throw new SvidError(
    'unknown-critical-extension',
    `critical extension ${unknownCritical[0]} is not understood`,
  );
}

/** Of a certificate, or of a whole chain taken together. */
export function checkValidity(
  window: { readonly notBeforeMs: number; readonly notAfterMs: number },
  nowMs: number,
): void {
  if (nowMs < window.notBeforeMs) {
    throw new SvidError('not-yet-valid', `certificate is valid only from ${iso(window.notBeforeMs)}`);
  }
  if (nowMs > window.notAfterMs) {
    throw new SvidError('expired', `certificate expired at ${iso(window.notAfterMs)}`);
  }
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
