import 'reflect-metadata';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  NameConstraints,
  SubjectAlternativeName,
} from '@peculiar/asn1-x509';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
} from '@peculiar/x509';
import type { TrustDomain } from '../federation/model/identity.ts';

/** The extensions that our own certificates and requests carry. */

/** Critical where there is no subject to go by (RFC 5280 section 4.2.1.6). */
export function subjectAltName(uri: string, dnsNames: readonly string[], critical = false): Extension {
  const names = [
    new GeneralName({ uniformResourceIdentifier: uri }),
    ...dnsNames.map((dNSName) => new GeneralName({ dNSName })),
  ];
  return new Extension(
    id_ce_subjectAltName,
    critical,
    AsnConvert.serialize(new SubjectAlternativeName(names)),
  );
}

/**
 * Binds an authority to one trust domain. URI without a leading dot: exactly this host. DNS with one: only below
 * it, for without it the apex would pass. E-mail is permitted for a domain that cannot be, because OpenSSL does
 * not honour the exclusion of all e-mail.
 */
export function trustDomainConstraints(trustDomain: TrustDomain): Extension {
  const permitted = [
    new GeneralName({ uniformResourceIdentifier: trustDomain }),
    new GeneralName({ dNSName: `.${trustDomain}` }),
    new GeneralName({ rfc822Name: 'invalid' }),
  ];
  const excluded = [new GeneralName({ iPAddress: '0.0.0.0/0' }), new GeneralName({ iPAddress: '::/0' })];
  const constraints = new NameConstraints({
    permittedSubtrees: subtrees(permitted),
    excludedSubtrees: subtrees(excluded),
  });
  return new Extension(id_ce_nameConstraints, true, AsnConvert.serialize(constraints));
}

function subtrees(names: readonly GeneralName[]): GeneralSubtrees {
  return new GeneralSubtrees(names.map((base) => new GeneralSubtree({ base })));
}

/** Of an authority that lets at most `pathLength` others stand below it. */
export function authorityExtensions(pathLength: number | undefined): readonly Extension[] {
  return [
    new BasicConstraintsExtension(true, pathLength, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ];
}

export function leafExtensions(): readonly Extension[] {
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
  ];
}

/** Identifiers of the subject's and of the issuer's key, by which chains are put together. */
export async function keyIdentifiers(subjectSpki: Uint8Array, issuerSpki: Uint8Array): Promise<Extension[]> {
  return [
    await SubjectKeyIdentifierExtension.create(bytes(subjectSpki)),
    await AuthorityKeyIdentifierExtension.create(bytes(issuerSpki)),
  ];
}

/** A copy over an ArrayBuffer of its own, which the library asks for. */
export function bytes(source: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(source);
}
