import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { gatewayDnsName, gatewayId, type SpiffeId, workloadId } from '../federation/model/identity.ts';
import { TestClusterset } from '../test/fixtures/test-clusterset.ts';
import { handshake, TlsTestServer } from '../test/fixtures/tls-handshake.ts';
import { issueSvid } from './authority.ts';
import type { TrustBundles } from './bundle.ts';
import { createCsr } from './csr.ts';
import { generateKeyPair } from './key.ts';
import { type Svid, svidFromChain } from './svid.ts';
import { SvidError } from './svid-error.ts';
import {
  ALPN,
  admitMeshPeer,
  checkEnrolmentServer,
  checkTrunkServer,
  enrolmentClientOptions,
  type MeshPeer,
  meshServerOptions,
  ticketKeysFor,
  trunkClientOptions,
} from './tls.ts';
import { type TrunkSession, watchTrunkSessions } from './trunk-session.ts';

const EAST = 'east.mesh.example';
const WEST = 'west.mesh.example';
const SECRET = Buffer.alloc(32, 7);
const HOUR_MS = 3_600_000;

describe('the TLS port', () => {
  let set: TestClusterset;
  let foreign: TestClusterset;
  let east: Svid;
  let west: Svid;
  let cart: Svid;

  before(async () => {
    set = await TestClusterset.create(['east', 'west']);
    foreign = await TestClusterset.create(['west'], { name: 'other.example' });
    east = await set.svid('east', gatewayId(EAST), [gatewayDnsName(EAST)]);
    west = await set.svid('west', gatewayId(WEST), [gatewayDnsName(WEST)]);
    cart = await set.svid('west', workloadId(WEST, 'shop', 'cart'));
  });

  /** West's own port. */
  function listen(
    bundles: TrustBundles = set.bundles,
    now = (): number => Date.now(),
  ): Promise<TlsTestServer<MeshPeer>> {
    return TlsTestServer.listen(serverOptions(west, bundles), (socket) =>
      admitMeshPeer(socket, bundles, now()),
    );
  }

  function client(
    svid: Svid | undefined,
    protocol: string | undefined,
    more: ConnectionOptions = {},
  ): ConnectionOptions {
    return {
      ...(svid && { cert: svid.certificateChainPem, key: svid.privateKeyPem }),
      ...(protocol && { ALPNProtocols: [protocol] }),
      ca: set.root.certificatePem,
      servername: gatewayDnsName(WEST),
      ...more,
    };
  }

  async function admitted(options: ConnectionOptions): Promise<string> {
    await using server = await listen();
    const outcome = await handshake(server.port, options, () => undefined);
    return outcome.failure ?? describeVerdict(server.verdict);
  }

  it("admits a gateway on isthmus/1 as its cluster's trunk", async () => {
    assert.equal(await admitted(client(east, ALPN.trunk)), `trunk of ${EAST}`);
  });

  it('admits workloads with an SVID on h2 and http/1.1, TLS 1.2 included', async () => {
    assert.equal(await admitted(client(cart, ALPN.h2)), `client ${cart.id.text} with h2`);
    assert.equal(await admitted(client(cart, ALPN.http1)), `client ${cart.id.text} with http/1.1`);
    const old = client(cart, ALPN.h2, { maxVersion: 'TLSv1.2' });
    assert.equal(await admitted(old), `client ${cart.id.text} with h2`);
  });

  it('admits nobody but enrolment without a certificate', async () => {
    assert.equal(await admitted(client(undefined, ALPN.enrol)), 'enrolment');
    assert.equal(await admitted(client(undefined, ALPN.trunk)), 'refused: no-certificate');
    assert.equal(await admitted(client(undefined, ALPN.h2)), 'refused: no-certificate');
    assert.equal(await admitted(client(undefined, ALPN.http1)), 'refused: no-certificate');
  });

  it('refuses a trunk from anything but a gateway', async () => {
    assert.equal(await admitted(client(cart, ALPN.trunk)), 'refused: unexpected-identity');
  });

  it('refuses a trunk or an enrolment over TLS 1.2', async () => {
    const old: ConnectionOptions = { maxVersion: 'TLSv1.2' };
    assert.equal(await admitted(client(east, ALPN.trunk, old)), 'refused: tls-version');
    assert.equal(await admitted(client(undefined, ALPN.enrol, old)), 'refused: tls-version');
  });

  it('refuses who names no protocol, or none of ours', async () => {
    assert.equal(await admitted(client(cart, undefined)), 'refused: refused-by-tls');
    assert.match(await admitted(client(cart, 'isthmus/2')), /no application protocol/);
  });

  it("refuses another clusterset's SVID, and does not take one for the other", async () => {
    const stranger = await foreign.svid('west', gatewayId('west.other.example'));
    assert.equal(await admitted(client(stranger, ALPN.trunk)), 'refused: unknown-trust-domain');
    const impostor = await TestClusterset.create(['east']);
    const svid = await impostor.svid('east', gatewayId(EAST));
    assert.equal(await admitted(client(svid, ALPN.trunk)), 'refused: untrusted-root');
  });

  it('does not resume an enrolment as something else', async () => {
    await using server = await listen();
    const first = await handshake(server.port, client(undefined, ALPN.enrol), () => undefined);
    for (const protocol of [ALPN.trunk, ALPN.h2, ALPN.http1]) {
      await handshake(server.port, client(undefined, protocol, { session: first.ticket }), () => undefined);
      assert.equal(describeVerdict(server.verdict), 'refused: no-certificate');
    }
  });

  it('looks at the validity of the leaf on resumed sessions too', async () => {
    let nowMs = Date.now();
    await using server = await listen(set.bundles, () => nowMs);
    const first = await handshake(server.port, client(cart, ALPN.h2), () => undefined);
    nowMs += 25 * HOUR_MS;
    const again = await handshake(
      server.port,
      client(cart, ALPN.h2, { session: first.ticket }),
      () => undefined,
    );
    assert.equal(again.resumed, true);
    assert.equal(describeVerdict(server.verdict), 'refused: expired');
  });

  describe('after a change of the bundles', () => {
    it('resumes no earlier session, and refuses the client of a removed root', async () => {
      let bundles: TrustBundles = set.bundles;
      await using server = await TlsTestServer.listen(serverOptions(west, bundles), (socket) =>
        admitMeshPeer(socket, bundles, Date.now()),
      );
      const first = await handshake(server.port, client(cart, ALPN.h2), () => undefined);
      assert.equal(describeVerdict(server.verdict), `client ${cart.id.text} with h2`);
      bundles = new Map([[WEST, foreign.bundle.rootsDer]]);
      server.setSecureContext(serverOptions(west, bundles));
      const again = await handshake(
        server.port,
        client(cart, ALPN.h2, { session: first.ticket }),
        () => undefined,
      );
      assert.equal(again.resumed, false);
      assert.equal(describeVerdict(server.verdict), 'refused: untrusted-root');
    });

    it('resumes no earlier session even with ticket keys that were not changed', async () => {
      const ticketKeys = ticketKeysFor(set.bundles, SECRET);
      const before = meshServerOptions({ svid: west, bundles: set.bundles, ticketKeys });
      await using server = await TlsTestServer.listen(before, () => undefined);
      const first = await handshake(server.port, client(cart, ALPN.h2), () => undefined);
      const resume = client(cart, ALPN.h2, { session: first.ticket });
      assert.equal((await handshake(server.port, resume, () => undefined)).resumed, true);
      const grown = new Map([...set.bundles, ['north.mesh.example', set.bundle.rootsDer]]);
      server.setSecureContext(meshServerOptions({ svid: west, bundles: grown, ticketKeys }));
      assert.equal((await handshake(server.port, resume, () => undefined)).resumed, false);
    });

    it('refuses a resumed session of a trust domain whose bundle has become empty', async () => {
      let bundles: TrustBundles = set.bundles;
      await using server = await TlsTestServer.listen(serverOptions(west, bundles), (socket) =>
        admitMeshPeer(socket, bundles, Date.now()),
      );
      const first = await handshake(server.port, client(cart, ALPN.h2), () => undefined);
      bundles = new Map([[WEST, []]]);
      const again = await handshake(
        server.port,
        client(cart, ALPN.h2, { session: first.ticket }),
        () => undefined,
      );
      assert.equal(again.resumed, true);
      assert.equal(describeVerdict(server.verdict), 'refused: unknown-trust-domain');
    });
  });

  it('resumes nothing where trust domains have different roots', async () => {
    const bundles: TrustBundles = new Map([...set.bundles, ...foreign.bundles]);
    await using server = await listen(bundles);
    // OpenSSL, which knows one set of roots for all, finds nothing wrong with this, and says so in the ticket.
    const name = workloadId('west.other.example', 'shop', 'cart');
    const misplaced = client(await svidOfRoot(set, name), ALPN.h2);
    const first = await handshake(server.port, misplaced, () => undefined);
    assert.equal(describeVerdict(server.verdict), 'refused: untrusted-root');
    const again = await handshake(server.port, { ...misplaced, session: first.ticket }, () => undefined);
    assert.equal(again.resumed, false);
    assert.equal(describeVerdict(server.verdict), 'refused: untrusted-root');
  });

  it('allows no renegotiation', async () => {
    await using server = await listen();
    const options = client(cart, ALPN.h2, { maxVersion: 'TLSv1.2' });
    const socket = connect({ host: '127.0.0.1', port: server.port, ...options });
    const end = await new Promise<unknown>((resolve) => {
      socket.once('error', resolve);
      socket.once('secureConnect', () => socket.renegotiate({}, (error) => resolve(error ?? 'renegotiated')));
    });
    socket.destroy();
    assert.match(String(end), /no renegotiation/);
  });

  it('gives all workers the same ticket keys, and others with other bundles or another secret', () => {
    const keys = ticketKeysFor(set.bundles, SECRET);
    assert.equal(keys.length, 48);
    const reordered = new Map([...set.bundles].reverse());
    assert.deepEqual(ticketKeysFor(reordered, SECRET), keys);
    assert.notDeepEqual(ticketKeysFor(set.bundles, Buffer.alloc(32, 8)), keys);
    assert.notDeepEqual(ticketKeysFor(new Map([...set.bundles].slice(1)), SECRET), keys);
    assert.notDeepEqual(ticketKeysFor(new Map([...set.bundles, [EAST, []]]), SECRET), keys);
  });

  describe('from a gateway that dials', () => {
    function dial(port: number, session?: TrunkSession): Promise<Dialled> {
      return dialTrunk(port, east, set.bundles, WEST, session);
    }

    it('keeps a session and resumes it, more than once', async () => {
      await using server = await listen();
      const first = await dial(server.port);
      assert.equal(first.verdict, west.id.text);
      const second = await dial(server.port, first.session);
      assert.deepEqual([second.resumed, second.verdict], [true, west.id.text]);
      const third = await dial(server.port, second.session);
      assert.deepEqual([third.resumed, third.verdict], [true, west.id.text]);
      assert.equal(describeVerdict(server.verdict), `trunk of ${EAST}`);
    });

    it('does not offer a session from before a change of the bundles', async () => {
      await using server = await listen();
      const { session } = await dial(server.port);
      const grown: TrustBundles = new Map([[WEST, [...set.bundle.rootsDer, ...foreign.bundle.rootsDer]]]);
      const again = await dialTrunk(server.port, east, grown, WEST, session);
      assert.deepEqual([again.resumed, again.verdict], [false, west.id.text]);
    });

    it('does not offer a session whose chain was verified too long ago', async () => {
      await using server = await listen();
      const nowMs = Date.now();
      const { session } = await dialTrunk(server.port, east, set.bundles, WEST, undefined, nowMs);
      const soon = await dialTrunk(server.port, east, set.bundles, WEST, session, nowMs + 1_800_000);
      assert.equal(soon.resumed, true);
      assert.equal(soon.session?.verifyAgainAtMs, session?.verifyAgainAtMs);
      const late = await dialTrunk(server.port, east, set.bundles, WEST, soon.session, nowMs + HOUR_MS);
      assert.deepEqual([late.resumed, late.verdict], [false, west.id.text]);
    });

    it("refuses another cluster's gateway, and a workload", async () => {
      for (const svid of [east, cart]) {
        const options = serverOptions(svid, set.bundles);
        await using server = await TlsTestServer.listen(options, () => undefined);
        assert.equal((await dial(server.port)).verdict, 'unexpected-identity');
      }
    });

    it('refuses a server that does not take up isthmus/1 or speaks only TLS 1.2', async () => {
      const options = serverOptions(west, set.bundles);
      await using silent = await TlsTestServer.listen(
        { ...options, ALPNProtocols: undefined },
        () => undefined,
      );
      assert.equal((await dial(silent.port)).verdict, 'refused-by-tls');
      await using old = await TlsTestServer.listen({ ...options, maxVersion: 'TLSv1.2' }, () => undefined);
      assert.match(String((await dial(old.port)).failure), /alert protocol version/);
    });

    it('trusts nobody in a trust domain without a bundle', async () => {
      await using server = await listen();
      const outcome = await dialTrunk(server.port, east, new Map(), WEST);
      assert.match(String(outcome.failure), /issuer certificate|self.signed/);
    });
  });

  describe('from a joining cluster', () => {
    const nowMs = Date.now();

    it('reaches the gateway that the root vouches for, and no other', async () => {
      await using server = await listen();
      const reach = async (bundles: TrustBundles, peerTrustDomain: string): Promise<string | undefined> => {
        const expected = { bundles, peerTrustDomain, nowMs };
        const outcome = await handshake(server.port, enrolmentClientOptions(expected), (socket) =>
          verdictOf(() => checkEnrolmentServer(socket, expected).text),
        );
        return outcome.failure ?? outcome.verdict;
      };
      assert.equal(await reach(set.bundles, WEST), west.id.text);
      assert.equal(describeVerdict(server.verdict), 'enrolment');
      assert.equal(await reach(set.bundles, EAST), 'unexpected-identity');
      assert.match(String(await reach(new Map([[WEST, foreign.bundle.rootsDer]]), WEST)), /certificate/);
    });
  });
});

interface Dialled {
  readonly failure: string | undefined;
  readonly verdict: string | undefined;
  readonly resumed: boolean;
  readonly session: TrunkSession | undefined;
}

/** As a gateway's trunk does it. */
async function dialTrunk(
  port: number,
  svid: Svid,
  bundles: TrustBundles,
  peerTrustDomain: string,
  offered?: TrunkSession,
  nowMs = Date.now(),
): Promise<Dialled> {
  // A resumed connection need not bring a new ticket: the old one stays good.
  let session = offered;
  const expected = { bundles, peerTrustDomain, nowMs, session: offered };
  const options = trunkClientOptions({ svid, bundles, peerTrustDomain, session: offered, nowMs });
  const outcome = await handshake(port, options, (socket: TLSSocket) =>
    verdictOf(() => {
      const id = checkTrunkServer(socket, expected);
      watchTrunkSessions(socket, expected, (newest) => {
        session = newest;
      });
      return id.text;
    }),
  );
  return { ...outcome, session };
}

/** Signed by the root itself, which no name constraints bind. */
async function svidOfRoot(set: TestClusterset, id: SpiffeId): Promise<Svid> {
  const keyPair = await generateKeyPair();
  const csrDer = await createCsr({ keyPair, id, dnsNames: [] });
  const { chainDer } = await issueSvid(set.root, { csrDer, id, dnsNames: [], nowMs: Date.now() });
  return svidFromChain(chainDer, keyPair.privateKeyPem, Date.now());
}

function serverOptions(svid: Svid, bundles: TrustBundles): ReturnType<typeof meshServerOptions> {
  return meshServerOptions({ svid, bundles, ticketKeys: ticketKeysFor(bundles, SECRET) });
}

function verdictOf(check: () => string): string {
  try {
    return check();
  } catch (error) {
    assert.ok(error instanceof SvidError, String(error));
    return error.rule;
  }
}

function describeVerdict(verdict: MeshPeer | undefined): string {
  switch (verdict?.kind) {
    case undefined:
      return 'never came';
    case 'trunk':
      return `trunk of ${verdict.trustDomain}`;
    case 'client':
      return `client ${verdict.caller.text} with ${verdict.protocol}`;
    case 'enrolment':
      return 'enrolment';
    case 'refused':
      return `refused: ${verdict.error.rule}`;
  }
}
