import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ConnectionOptions, TLSSocket, TlsOptions } from 'node:tls';
import { parseSpiffeId } from '../federation/model/identity.ts';
import { type BrokenSvid, brokenSvids, ForgedPki } from '../test/fixtures/broken-svids.ts';
import { chainPem, type Forged } from '../test/fixtures/certificate-forge.ts';
import { handshake, TlsTestServer } from '../test/fixtures/tls-handshake.ts';
import { toPem } from './pem.ts';
import type { Svid } from './svid.ts';
import { SvidError, type SvidRule } from './svid-error.ts';
import {
  ALPN,
  admitMeshPeer,
  checkTrunkServer,
  type MeshPeer,
  meshServerOptions,
  ticketKeysFor,
  trunkClientOptions,
} from './tls.ts';
import type { TrunkSession } from './trunk-session.ts';

const WEST = 'west.mesh.example';
const SECRET = Buffer.alloc(32, 1);

/** A forged chain in the hands of our own code. */
function svidOf(chain: readonly Forged[]): Svid {
  const [leaf] = chain;
  assert.ok(leaf);
  return {
    id: parseSpiffeId(`spiffe://${WEST}/isthmus/gateway`),
    certificateChainPem: chainPem(...chain),
    privateKeyPem: leaf.privateKeyPem,
    serial: '4242',
    notBeforeMs: 0,
    notAfterMs: Number.MAX_SAFE_INTEGER,
  };
}

describe('a real handshake', () => {
  let pki: ForgedPki;
  let good: Svid;
  let server: TlsTestServer<MeshPeer>;

  before(async () => {
    pki = await ForgedPki.create();
    good = svidOf([await pki.leaf(), pki.west]);
    const ticketKeys = ticketKeysFor(pki.bundles, SECRET);
    const options = meshServerOptions({ svid: good, bundles: pki.bundles, ticketKeys });
    server = await TlsTestServer.listen(options, (socket) => admitMeshPeer(socket, pki.bundles, Date.now()));
  });
  after(() => server[Symbol.asyncDispose]());

  function judgeServer(socket: TLSSocket, session?: TrunkSession): string {
    try {
      const expected = { bundles: pki.bundles, peerTrustDomain: WEST, nowMs: Date.now(), session };
      return checkTrunkServer(socket, expected).text;
    } catch (error) {
      assert.ok(error instanceof SvidError, String(error));
      return error.rule;
    }
  }

  it('brings good gateways together, and resumes', async () => {
    const options = trunkClientOptions({
      svid: good,
      bundles: pki.bundles,
      peerTrustDomain: WEST,
      nowMs: Date.now(),
    });
    const first = await handshake(server.port, options, (socket) => judgeServer(socket));
    assert.deepEqual([first.failure, first.verdict], [undefined, good.id.text]);
    assert.equal(server.verdict?.kind, 'trunk');
    const again = await handshake(server.port, { ...options, session: first.ticket }, () => 'not judged');
    assert.equal(again.resumed, true);
    assert.equal(server.verdict?.kind, 'trunk');
  });

  for (const broken of brokenSvids) {
    it(`server refuses a client with ${broken.what}`, async () => {
      const client = badClient(await broken.build(pki), pki);
      const outcome = await handshake(server.port, client, () => undefined);
      assert.equal(outcome.failure, undefined);
      assert.equal(refusal(server.verdict), broken.rule);
      if (broken.seenWhenResumed === 'no') return;
      const again = await handshake(server.port, { ...client, session: outcome.ticket }, () => undefined);
      assert.equal(again.resumed, true);
      assert.equal(
        refusal(server.verdict),
        broken.seenWhenResumed === 'in-leaf' ? broken.rule : 'refused-by-tls',
      );
    });

    it(`client refuses a server with ${broken.what}`, async () => {
      const chain = await broken.build(pki);
      await using bad = await TlsTestServer.listen(badServer(chain), () => undefined);
      const options = trunkClientOptions({
        svid: good,
        bundles: pki.bundles,
        peerTrustDomain: WEST,
        nowMs: Date.now(),
      });
      const strict = await handshake(bad.port, options, (socket) => judgeServer(socket));
      assert.ok(strict.failure !== undefined || strict.verdict === broken.rule, JSON.stringify(strict));
      const permissive = { ...options, rejectUnauthorized: false };
      const lax = await handshake(bad.port, permissive, (socket) => judgeServer(socket));
      assert.deepEqual([lax.failure, lax.verdict], [undefined, broken.rule]);
      if (broken.seenWhenResumed === 'no') return;
      assert.ok(lax.ticket !== undefined && chain[0] !== undefined);
      const session = {
        ticket: lax.ticket,
        leafDer: chain[0].der,
        roots: '',
        verifyAgainAtMs: Number.POSITIVE_INFINITY,
      };
      const again = await handshake(bad.port, { ...permissive, session: lax.ticket }, (socket) =>
        judgeServer(socket, session),
      );
      assert.deepEqual([again.resumed, again.verdict], [true, whenResumed(broken)]);
    });
  }
});

function whenResumed(broken: BrokenSvid): SvidRule {
  return broken.seenWhenResumed === 'in-leaf' ? broken.rule : 'refused-by-tls';
}

function refusal(verdict: MeshPeer | undefined): string | undefined {
  return verdict?.kind === 'refused' ? verdict.error.rule : verdict?.kind;
}

/** Security level 0, so that OpenSSL shows what it would rather not. */
function badClient(chain: readonly Forged[], pki: ForgedPki): ConnectionOptions {
  return {
    cert: chainPem(...chain),
    key: chain[0]?.privateKeyPem,
    ca: toPem('CERTIFICATE', pki.root.der),
    servername: `gateway.${WEST}`,
    checkServerIdentity: () => undefined,
    ALPNProtocols: [ALPN.trunk],
    ciphers: 'DEFAULT:@SECLEVEL=0',
  };
}

function badServer(chain: readonly Forged[]): TlsOptions {
  return {
    cert: chainPem(...chain),
    key: chain[0]?.privateKeyPem,
    ALPNProtocols: [ALPN.trunk],
    ciphers: 'DEFAULT:@SECLEVEL=0',
  };
}
