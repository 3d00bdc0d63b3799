import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { gatewayDnsName, gatewayId, parseSpiffeId, workloadId } from '../federation/model/identity.ts';
import { forge, forged, newKeyPem } from '../test/fixtures/certificate-forge.ts';
import { requireTool } from '../test/fixtures/requirement.ts';
import { tempFolder } from '../test/fixtures/temp-folder.ts';
import { type Authority, AuthorityError, createIntermediate, createRoot, issueSvid } from './authority.ts';
import { type Certificate, parseCertificate, publicKeyOf } from './certificate.ts';
import { CsrError, createCsr, createIntermediateCsr } from './csr.ts';
import { EXTENDED_KEY_USAGE, KEY_USAGE } from './extensions.ts';
import { generateKeyPair } from './key.ts';
import { certificatesFromPem, certificatesToPem, toPem } from './pem.ts';
import { verifySvid } from './verify.ts';

const WEST = 'west.mesh.example';
const nowMs = Date.UTC(2026, 5, 1);
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

function first(pem: string): Certificate {
  return parseCertificate(certificatesFromPem(pem)[0] ?? new Uint8Array());
}

describe('authorities', () => {
  let root: Authority;
  let west: Authority;
  let csrDer: Uint8Array;

  before(async () => {
    root = await createRoot({ clusterset: 'mesh.example', nowMs });
    west = await intermediateOf(root);
    csrDer = await createCsr({ keyPair: await generateKeyPair(), id: gatewayId(WEST), dnsNames: [] });
  });

  it('begin with a root: P-256, ten years, allowed to sign and nothing else', () => {
    const { extensions, ...certificate } = first(root.certificatePem);
    assert.equal(publicKeyOf({ extensions, ...certificate }).asymmetricKeyDetails?.namedCurve, 'prime256v1');
    assert.equal(new Date(certificate.notAfterMs).toISOString().slice(0, 10), '2036-06-01');
    assert.equal(certificate.notBeforeMs, nowMs - MINUTE_MS);
    assert.deepEqual(extensions.basicConstraints, { ca: true, pathLength: undefined });
    assert.deepEqual(extensions.keyUsage, new Set([KEY_USAGE.keyCertSign, KEY_USAGE.cRLSign]));
    assert.deepEqual(extensions.subjectAltNames, [{ kind: 'uri', value: 'spiffe://mesh.example' }]);
  });

  it('go on with an intermediate: 90 days, no authority below it, bound to its trust domain', () => {
    const { extensions, ...certificate } = first(west.certificatePem);
    assert.equal(certificate.notAfterMs - nowMs, 90 * DAY_MS);
    assert.deepEqual(extensions.basicConstraints, { ca: true, pathLength: 0 });
    assert.deepEqual(extensions.subjectAltNames, [{ kind: 'uri', value: `spiffe://${WEST}` }]);
    assert.deepEqual(extensions.nameConstraints, {
      permitted: [
        { kind: 'uri', value: WEST },
        { kind: 'dns', value: `.${WEST}` },
        { kind: 'email', value: 'invalid' },
      ],
      excluded: [
        { kind: 'ip', bytes: new Uint8Array(8) },
        { kind: 'ip', bytes: new Uint8Array(32) },
      ],
    });
  });

  it('mark as critical what must be understood', () => {
    const critical = (pem: string): string[] =>
      criticalExtensions(certificatesFromPem(pem)[0] ?? new Uint8Array());
    assert.deepEqual(critical(root.certificatePem), ['basicConstraints', 'keyUsage']);
    assert.deepEqual(critical(west.certificatePem), ['basicConstraints', 'keyUsage', 'nameConstraints']);
  });

  it('issue a leaf of 24 hours that serves, calls and signs nothing', async () => {
    const { chainDer } = await issueSvid(west, {
      csrDer,
      id: gatewayId(WEST),
      dnsNames: [gatewayDnsName(WEST)],
      nowMs,
    });
    assert.equal(chainDer.length, 2);
    const [leafDer = new Uint8Array()] = chainDer;
    const { extensions, ...leaf } = parseCertificate(leafDer);
    assert.deepEqual([leaf.notBeforeMs, leaf.notAfterMs], [nowMs - MINUTE_MS, nowMs + DAY_MS]);
    assert.deepEqual(extensions.basicConstraints, { ca: false, pathLength: undefined });
    assert.deepEqual(extensions.keyUsage, new Set([KEY_USAGE.digitalSignature]));
    const { serverAuth, clientAuth } = EXTENDED_KEY_USAGE;
    assert.deepEqual(extensions.extendedKeyUsage, new Set([serverAuth, clientAuth]));
    assert.deepEqual(extensions.subjectAltNames, [
      { kind: 'uri', value: gatewayId(WEST).text },
      { kind: 'dns', value: gatewayDnsName(WEST) },
    ]);
    assert.deepEqual(extensions.authorityKeyId, first(west.certificatePem).extensions.subjectKeyId);
    assert.deepEqual(criticalExtensions(leafDer), ['basicConstraints', 'keyUsage']);
  });

  it('give each certificate a serial number of its own', async () => {
    const serials = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const { chainDer } = await issueSvid(west, { csrDer, id: gatewayId(WEST), dnsNames: [], nowMs });
      serials.add(parseCertificate(chainDer[0] ?? new Uint8Array()).serial);
    }
    assert.equal(serials.size, 20);
    for (const serial of serials) assert.match(serial, /^[4-7][0-9a-f]{31}$/);
  });

  it('never outlive their issuer', async () => {
    const late = nowMs + 90 * DAY_MS - 60 * MINUTE_MS;
    const { chainDer } = await issueSvid(west, { csrDer, id: gatewayId(WEST), dnsNames: [], nowMs: late });
    assert.equal(parseCertificate(chainDer[0] ?? new Uint8Array()).notAfterMs, nowMs + 90 * DAY_MS);
    await assert.rejects(
      issueSvid(west, { csrDer, id: gatewayId(WEST), dnsNames: [], nowMs: nowMs + 91 * DAY_MS }),
      /valid only from/,
    );
    await assert.rejects(
      createIntermediate(root, { trustDomain: WEST, csrDer, nowMs: nowMs + 4000 * DAY_MS }),
      /valid only from/,
    );
  });

  it('issue nothing outside of their trust domain', async () => {
    const request = { csrDer, nowMs, dnsNames: [] };
    const east = parseSpiffeId('spiffe://east.mesh.example/isthmus/gateway');
    await assert.rejects(issueSvid(west, { ...request, id: east }), AuthorityError);
    const id = gatewayId(WEST);
    for (const name of ['gateway.east.mesh.example', WEST, 'mesh.example', 'example']) {
      await assert.rejects(issueSvid(west, { ...request, id, dnsNames: [name] }), AuthorityError, name);
    }
  });

  it('refuse a bad request, a life too short, and to sign with a leaf', async () => {
    const id = gatewayId(WEST);
    await assert.rejects(issueSvid(west, { csrDer: new Uint8Array(3), id, dnsNames: [], nowMs }), CsrError);
    for (const ttlMs of [0, -1, 59_000, Number.NaN]) {
      await assert.rejects(issueSvid(west, { csrDer, id, dnsNames: [], nowMs, ttlMs }), /at least a minute/);
    }
    const { chainDer } = await issueSvid(west, { csrDer, id, dnsNames: [], nowMs });
    const leaf = { ...west, certificatePem: certificatesToPem(chainDer) };
    await assert.rejects(issueSvid(leaf, { csrDer, id, dnsNames: [], nowMs }), /not an authority/);
  });

  it('take an intermediate’s request, and a life that was asked for', async () => {
    const keyPair = await generateKeyPair();
    const request = await createIntermediateCsr(keyPair, WEST);
    const certificatePem = await createIntermediate(root, { trustDomain: WEST, csrDer: request, nowMs });
    const authority = { certificatePem, privateKeyPem: keyPair.privateKeyPem, chainPem: certificatePem };
    const id = workloadId(WEST, 'shop', 'cart');
    const { chainDer } = await issueSvid(authority, {
      csrDer,
      id,
      dnsNames: [],
      nowMs,
      ttlMs: 5 * MINUTE_MS,
    });
    const [leaf = new Uint8Array(), ...above] = chainDer;
    assert.equal(parseCertificate(leaf).notAfterMs, nowMs + 5 * MINUTE_MS);
    const bundles = new Map([[WEST, certificatesFromPem(root.certificatePem)]]);
    assert.equal(verifySvid(leaf, above, bundles, nowMs).text, id.text);
  });

  for (const kind of ['RSA-2048', 'P-384'] as const) {
    it(`can be below a root with a key of kind ${kind}, brought along`, async () => {
      const { der, privateKeyPem } = await forge({
        extensions: [forged.basicConstraints(true), forged.keyUsage('keyCertSign')],
        privateKeyPem: newKeyPem(kind),
        notBeforeMs: nowMs - DAY_MS,
        notAfterMs: nowMs + 365 * DAY_MS,
      });
      const own: Authority = { certificatePem: toPem('CERTIFICATE', der), privateKeyPem, chainPem: '' };
      const authority = await intermediateOf(own);
      const id = gatewayId(WEST);
      const { chainDer } = await issueSvid(authority, { csrDer, id, dnsNames: [], nowMs });
      const [leaf = new Uint8Array(), ...above] = chainDer;
      const bundles = new Map([[WEST, certificatesFromPem(own.certificatePem)]]);
      assert.equal(verifySvid(leaf, above, bundles, nowMs).text, id.text);
    });
  }

  it('satisfy OpenSSL at its strictest', async (t) => {
    const openssl = requireTool(t, 'openssl');
    if (openssl === undefined) return;
    const folder = tempFolder(t);
    const { chainDer } = await issueSvid(west, {
      csrDer,
      id: gatewayId(WEST),
      dnsNames: [gatewayDnsName(WEST)],
      nowMs,
    });
    const file = (name: string, pem: string): string => {
      writeFileSync(join(folder, name), pem);
      return join(folder, name);
    };
    const leaf = file('leaf.pem', toPem('CERTIFICATE', chainDer[0] ?? new Uint8Array()));
    const options = ['-x509_strict', '-purpose', 'sslserver', '-attime', String(nowMs / 1000)];
    const roots = [
      '-CAfile',
      file('root.pem', root.certificatePem),
      '-untrusted',
      file('west.pem', west.certificatePem),
    ];
    const said = execFileSync(openssl, ['verify', ...options, ...roots, leaf], { encoding: 'utf8' });
    assert.match(said, /leaf\.pem: OK/);
  });

  async function intermediateOf(issuer: Authority): Promise<Authority> {
    const { publicKeyPem, privateKeyPem } = await generateKeyPair();
    const certificatePem = await createIntermediate(issuer, { trustDomain: WEST, publicKeyPem, nowMs });
    return { certificatePem, privateKeyPem, chainPem: certificatePem };
  }
});

const EXTENSION_NAMES: ReadonlyMap<string, string> = new Map([
  ['551d0f0101ff', 'keyUsage'],
  ['551d130101ff', 'basicConstraints'],
  ['551d1e0101ff', 'nameConstraints'],
  ['551d110101ff', 'subjectAltName'],
]);

/** By the encoding of identifier and `critical TRUE` that stand beside each other. */
function criticalExtensions(der: Uint8Array): string[] {
  const hex = Buffer.from(der).toString('hex');
  return [...EXTENSION_NAMES].flatMap(([encoding, name]) => (hex.includes(encoding) ? [name] : [])).sort();
}
