import type { Certificate } from './certificate.ts';
import type { NameConstraints } from './extensions.ts';
import { DIRECTORY_NAME_TAG, type GeneralName } from './general-name.ts';

/**
 * Checks the names of a certificate against the constraints of an authority above it (RFC 5280 section
 * 4.2.1.10). A form of name that is constrained but not understood here makes the certificate unacceptable.
 * @returns what is wrong, or undefined.
 */
export function nameConstraintsProblem(
  certificate: Certificate,
  constraints: NameConstraints,
): string | undefined {
  for (const name of namesOf(certificate)) {
    const excluded = constraints.excluded.filter((base) => sameForm(base, name));
    if (excluded.some((base) => isWithin(name, base))) return `${describe(name)} is excluded`;
    const permitted = constraints.permitted.filter((base) => sameForm(base, name));
    if (!isUnderstood(name) && excluded.length + permitted.length > 0) {
      return `${describe(name)} is constrained in a way that is not understood`;
    }
    if (permitted.length > 0 && !permitted.some((base) => isWithin(name, base))) {
      return `${describe(name)} is not permitted`;
    }
  }
  return undefined;
}

const EMPTY_NAME_BYTES = 2;

/** All names that constraints hold for: subjectAltName, the subject itself, e-mail addresses within it. */
function namesOf(certificate: Certificate): readonly GeneralName[] {
  const emails = certificate.subjectEmails.map((value): GeneralName => ({ kind: 'email', value }));
  const subject: readonly GeneralName[] =
    certificate.subject.length > EMPTY_NAME_BYTES ? [{ kind: 'other', tag: DIRECTORY_NAME_TAG }] : [];
  return [...certificate.extensions.subjectAltNames, ...emails, ...subject];
}

const URI_HOST = /^[a-z0-9._-]+$/i;

/** A URI with user info, a port or no host, and an address without a domain, compare with no constraint. */
function isUnderstood(name: GeneralName): boolean {
  if (name.kind === 'uri') return URI_HOST.test(hostOfUri(name.value));
  if (name.kind === 'email') return name.value.includes('@');
  return name.kind !== 'other';
}

function sameForm(base: GeneralName, name: GeneralName): boolean {
  if (base.kind === 'other' && name.kind === 'other') return base.tag === name.tag;
  if (base.kind === 'ip' && name.kind === 'ip') return base.bytes.length === 2 * name.bytes.length;
  return base.kind === name.kind && base.kind !== 'ip';
}

function isWithin(name: GeneralName, base: GeneralName): boolean {
  if (name.kind === 'uri' && base.kind === 'uri') return hostWithin(hostOfUri(name.value), base.value);
  if (name.kind === 'dns' && base.kind === 'dns') return dnsWithin(name.value, base.value);
  if (name.kind === 'email' && base.kind === 'email') return emailWithin(name.value, base.value);
  if (name.kind === 'ip' && base.kind === 'ip') return addressWithin(name.bytes, base.bytes);
  return false;
}

/** Everything between `//` and the next `/`, user info and port included. */
function hostOfUri(uri: string): string {
  const start = uri.indexOf('://');
  return start < 0 ? '' : (uri.slice(start + 3).split(/[/?#]/, 1)[0] ?? '');
}

/** With a leading dot every host below it, without one exactly that host. */
function hostWithin(host: string, base: string): boolean {
  const [name, limit] = [host.toLowerCase(), base.toLowerCase()];
  if (limit.startsWith('.')) return name.length > limit.length && name.endsWith(limit);
  return name !== '' && name === limit;
}

/** The RFC lets a constraint without a dot cover the name itself and all below; OpenSSL reads `.x` as only below. */
function dnsWithin(name: string, base: string): boolean {
  const [host, limit] = [name.toLowerCase(), base.toLowerCase()];
  if (limit === '') return true;
  if (limit.startsWith('.')) return host.length > limit.length && host.endsWith(limit);
  return host === limit || host.endsWith(`.${limit}`);
}

function emailWithin(email: string, base: string): boolean {
  const at = email.lastIndexOf('@');
  if (base.includes('@')) return email === base;
  return at >= 0 && hostWithin(email.slice(at + 1), base);
}

function addressWithin(address: Uint8Array, base: Uint8Array): boolean {
  return address.every((byte, i) => {
    const mask = base[address.length + i] ?? 0;
    return (byte & mask) === ((base[i] ?? 0) & mask);
  });
}

function describe(name: GeneralName): string {
  switch (name.kind) {
    case 'ip':
      return `IP address ${[...name.bytes].join('.')}`;
    case 'other':
      return name.tag === DIRECTORY_NAME_TAG ? 'the subject' : `name of form ${name.tag & 0x1f}`;
    default:
      return `${name.kind} name ${JSON.stringify(name.value)}`;
  }
}
