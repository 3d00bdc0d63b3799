import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { gatewayDnsName, gatewayId } from '../../federation/model/identity.ts';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { TestClusterset } from '../../test/fixtures/test-clusterset.ts';
import { testSnapshot } from '../../test/fixtures/test-snapshot.ts';
import { bundlesFor, type TrustBundles } from '../../trust/bundle.ts';
import { SharedReads } from '../http/shared-reads.ts';
import { TlsPort } from '../listener/tls-port.ts';
import { type TrunkCredentials, TrunkDialler } from './dialler.ts';

interface World {
  readonly bundles: TrustBundles;
  /** With one root more, as while roots are changed. Were it one cluster's alone, nothing would be resumed at all. */
  readonly grown: TrustBundles;
  /** Whether the next link resumed a session. */
  link(): Promise<boolean>;
  westBelieves(bundles: TrustBundles): void;
  eastBelieves(bundles: TrustBundles): void;
}

async function meshPort(t: TestContext): Promise<{ readonly tls: TlsPort; readonly number: number }> {
  const tls = new TlsPort({
    ticketSecret: Buffer.alloc(32, 7),
    handshakeTimeoutMs: 10_000,
    now: () => Date.now(),
    admitted: (socket) => {
      socket.resume();
      t.after(() => socket.destroy());
    },
    // What is refused fails at the other end, where the test sees it.
    rejected: () => undefined,
  });
  const server = createServer((socket) => tls.accept(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { tls, number: (server.address() as AddressInfo).port };
}

/** East's dialler, and west's mesh port with ticket keys as a worker has them. */
async function world(t: TestContext): Promise<World> {
  const set = await TestClusterset.create(['east', 'west', 'north']);
  const { bundles } = set;
  const svidOf = (cluster: string) => {
    const domain = `${cluster}.mesh.example`;
    return set.svid(cluster, gatewayId(domain), [gatewayDnsName(domain)]);
  };
  const [east, west] = [await svidOf('east'), await svidOf('west')];
  const port = await meshPort(t);
  port.tls.identify({ svid: west, bundles });
  let credentials: TrunkCredentials = { svid: east, bundles };
  const dialler = new TrunkDialler({
    clock: SYSTEM_CLOCK,
    reads: new SharedReads(),
    random: () => 0,
    timeoutMs: 10_000,
    credentials: () => credentials,
  });
  const peers = { west: [port.number] };
  const peer = testSnapshot({ cluster: 'east', services: [], peers, bundles }).peers.get('west');
  assert.ok(peer);
  const next = await TestClusterset.create([]);
  const rootsDer = [...set.bundle.rootsDer, ...next.bundle.rootsDer];
  const grown = bundlesFor(bundles.keys(), { ...set.bundle, rootsDer });
  return {
    bundles,
    grown,
    link: async () => {
      const socket = await new Promise<TLSSocket>((resolve, reject) => {
        dialler.dial(peer, {
          connected: (linked) => {
            // A full handshake brings the ticket for the link after it, a resumed one none.
            if (linked.isSessionReused()) resolve(linked);
            else linked.once('session', () => resolve(linked));
          },
          failed: (reason) => reject(new Error(reason)),
        });
      });
      t.after(() => socket.destroy());
      return socket.isSessionReused();
    },
    westBelieves: (now) => port.tls.identify({ svid: west, bundles: now }),
    eastBelieves: (now) => {
      credentials = { svid: east, bundles: now };
    },
  };
}

describe('a further link of a trunk', () => {
  it('resumes the session of the one before', async (t) => {
    const { link } = await world(t);
    assert.equal(await link(), false);
    assert.equal(await link(), true);
    assert.equal(await link(), true);
  });

  it("resumes nothing after the peer's bundles changed, whose tickets then have another key", async (t) => {
    const { link, westBelieves, grown } = await world(t);
    await link();
    westBelieves(grown);
    assert.equal(await link(), false);
    assert.equal(await link(), true);
  });

  it('resumes nothing after our own bundles changed', async (t) => {
    const { link, eastBelieves, grown } = await world(t);
    await link();
    eastBelieves(grown);
    assert.equal(await link(), false);
    assert.equal(await link(), true);
  });

  it('resumes as before when the peer is told of equal bundles', async (t) => {
    const { link, westBelieves, bundles } = await world(t);
    await link();
    westBelieves(new Map(bundles));
    assert.equal(await link(), true);
  });
});
