/** The rule that a certificate, a chain or a connection broke. Stable: used in logs, metrics and tests. */
export type SvidRule =
  | 'no-certificate'
  | 'too-large'
  | 'malformed'
  | 'weak-algorithm'
  | 'uri-san-count'
  | 'spiffe-id'
  | 'leaf-is-ca'
  | 'leaf-signs-certificates'
  | 'no-digital-signature'
  | 'extended-key-usage'
  | 'unknown-critical-extension'
  | 'not-yet-valid'
  | 'expired'
  | 'unknown-trust-domain'
  | 'untrusted-root'
  | 'chain-too-long'
  | 'broken-chain'
  | 'bad-signature'
  | 'issuer-is-not-ca'
  | 'issuer-may-not-sign'
  | 'path-length'
  | 'name-constraints'
  | 'refused-by-tls'
  | 'tls-version'
  | 'unexpected-identity';

/** An X.509-SVID that must not be accepted, and the rule of SPIFFE's X509-SVID or RFC 5280 that it broke. */
export class SvidError extends Error {
  override readonly name = 'SvidError';
  readonly rule: SvidRule;

  constructor(rule: SvidRule, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.rule = rule;
  }
}
