import { type SubjectAltName, UPSTREAM_TLS_BOUNDS, type UpstreamTls } from '../model/upstream-tls.ts';
import { inField, isDnsName, WireError } from './field-checks.ts';
import { list, longText, object, oneOf, optional, string, text } from './json-fields.ts';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Whether the certificates are any is seen where they are used: here they are bounded, and base64. @throws WireError */
export function upstreamTlsFromJson(value: unknown): UpstreamTls {
  const fields = object('', value, ['mode', 'hostname', 'caCertificates', 'subjectAltNames']);
  const { caCertificates, subjectAltNames } = UPSTREAM_TLS_BOUNDS;
  return {
    mode: oneOf(fields, 'mode', ['simple', 'mutual']),
    hostname: optional(fields, 'hostname', hostname),
    caCertificates: optional(fields, 'caCertificates', () => {
      const authorities = list(fields, 'caCertificates', caCertificates, certificate);
      if (authorities.length === 0) throw new WireError(': is empty');
      return authorities;
    }),
    subjectAltNames: list(fields, 'subjectAltNames', subjectAltNames, subjectAltName),
  };
}

function hostname(value: unknown): string {
  const found = string('', value);
  if (!isDnsName(found)) throw new WireError(': is not a DNS name');
  return found;
}

function certificate(value: unknown): string {
  const found = longText('', value, UPSTREAM_TLS_BOUNDS.caCertificateLength);
  if (found === '' || !BASE64.test(found)) throw new WireError(': is not base64');
  return found;
}

function subjectAltName(value: unknown): SubjectAltName {
  const fields = object('', value, ['kind', 'value']);
  const kind = oneOf(fields, 'kind', ['hostname', 'uri']);
  if (kind === 'hostname') return { kind, value: inField('value', () => hostname(fields.value)) };
  const uri = text(fields, 'value');
  if (uri.length > UPSTREAM_TLS_BOUNDS.uriLength) throw new WireError('value: is too long');
  return { kind, value: uri };
}
