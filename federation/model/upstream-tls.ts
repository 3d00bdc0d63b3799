/** A name that a certificate may have, as the Gateway API's BackendTLSPolicy writes it. */
export interface SubjectAltName {
  /** `hostname` is compared with DNS names, wildcards of a whole label included (RFC 6125); `uri` is compared whole. */
  readonly kind: 'hostname' | 'uri';
  readonly value: string;
}

/** How gateways speak TLS to this cluster's own pods of a service. Without it they speak plaintext. */
export interface UpstreamTls {
  /** `mutual` shows the gateway's own SVID. */
  readonly mode: 'simple' | 'mutual';
  /** Server name (SNI), and what the certificate must be for where nothing else says; undefined = `<service>.<namespace>.svc`. */
  readonly hostname: string | undefined;
  /** Who signs the pods' certificates: DER in base64. undefined = the clusterset's trust bundles, so they are SVIDs. */
  readonly caCertificates: readonly string[] | undefined;
  /**
   * A certificate must have one of these. Empty = an SVID must be of the service's own namespace in its cluster's trust
   * domain, and a certificate of other authorities must be for `hostname`.
   */
  readonly subjectAltNames: readonly SubjectAltName[];
}

/** The bounds of what is written by hand and of what comes over the wire. */
export const UPSTREAM_TLS_BOUNDS = {
  caCertificates: 8,
  /** DER in base64, of at most 16 KiB. */
  caCertificateLength: 21_848,
  subjectAltNames: 16,
  /** Of a URI; SPIFFE allows no longer ones. */
  uriLength: 2048,
} as const;
