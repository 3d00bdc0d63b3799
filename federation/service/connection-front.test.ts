import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { TestClusterset } from '../../test/fixtures/test-clusterset.ts';
import type { Svid } from '../../trust/svid.ts';
import { gatewayId, workloadId } from '../model/identity.ts';
import { SYSTEM_CLOCK } from '../runtime/clock.ts';
import { ConnectionFront } from './connection-front.ts';
import type { RoomLimits } from './connection-room.ts';
import { RefusalMeter } from './front-refusals.ts';

const LIMITS: RoomLimits = { maxConnections: 6, maxUnauthenticated: 4, maxUnauthenticatedPerSource: 4 };

/** A front on a real port whose guests are kept and never answered. */
class OpenFront {
  readonly refusals = new RefusalMeter();
  readonly members: TLSSocket[] = [];
  readonly strangers: TLSSocket[] = [];
  readonly told: string[] = [];
  readonly #t: TestContext;
  readonly #clusterset: TestClusterset;
  readonly #front: ConnectionFront;
  #port = 0;

  private constructor(t: TestContext, clusterset: TestClusterset, svid: Svid, limits: RoomLimits) {
    this.#t = t;
    this.#clusterset = clusterset;
    this.#front = new ConnectionFront(svid, {
      clock: SYSTEM_CLOCK,
      gateway: gatewayId('east.mesh.example'),
      bundles: () => clusterset.bundles,
      limits,
      refusals: this.refusals,
      onRefused: (_remoteAddress, reason) => this.told.push(reason),
    });
    this.#front.serve({
      serveGateway: (socket) => this.members.push(socket),
      serveStranger: (socket) => this.strangers.push(socket),
    });
  }

  static async open(t: TestContext, limits: Partial<RoomLimits> = {}): Promise<OpenFront> {
    const clusterset = await TestClusterset.create(['east']);
    const svid = await clusterset.svid('east', workloadId('east.mesh.example', 'mesh', 'federation'));
    const open = new OpenFront(t, clusterset, svid, { ...LIMITS, ...limits });
    open.#port = await open.#front.listen({ host: '127.0.0.1', port: 0 });
    t.after(() => open.#front.close());
    return open;
  }

  gatewaySvid(): Promise<Svid> {
    return this.#clusterset.svid('east', gatewayId('east.mesh.example'));
  }

  otherSvid(): Promise<Svid> {
    return this.#clusterset.svid('east', workloadId('east.mesh.example', 'shop', 'cart'));
  }

  /** A connection that never says anything. */
  async silent(): Promise<Socket> {
    const socket = connectTcp(this.#port, '127.0.0.1');
    socket.on('error', () => {});
    this.#t.after(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }

  /** With a certificate or without; its handshake need not succeed. */
  secure(svid?: Svid): TLSSocket {
    const socket = connect({
      port: this.#port,
      host: '127.0.0.1',
      ALPNProtocols: ['h2'],
      ca: this.#clusterset.root.certificatePem,
      checkServerIdentity: () => undefined,
      ...(svid && { cert: svid.certificateChainPem, key: svid.privateKeyPem }),
    });
    socket.on('error', () => {});
    socket.resume();
    this.#t.after(() => socket.destroy());
    return socket;
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve));
  }
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await once(socket, 'close');
}

describe('front of the federation service', { timeout: 60_000 }, () => {
  it('closes what one source has too many of, before a handshake', async (t) => {
    const front = await OpenFront.open(t, { maxUnauthenticatedPerSource: 2 });
    const kept = [await front.silent(), await front.silent()];
    const third = await front.silent();
    await closed(third);
    assert.deepEqual([front.refusals.counts['source-limit'], kept.some(({ closed }) => closed)], [1, false]);
    kept[0]?.destroy();
    // As soon as the first is gone there is room for another.
    while (front.members.length === 0) {
      const member = front.secure(await front.gatewaySvid());
      await Promise.race([closed(member), front.until(() => front.members.length > 0)]);
    }
    assert.equal(front.members.length, 1);
  });

  it('does not count who has authenticated against its source', async (t) => {
    const front = await OpenFront.open(t, { maxUnauthenticatedPerSource: 1 });
    const svid = await front.gatewaySvid();
    for (let count = 1; count <= 4; count++) {
      front.secure(svid);
      await front.until(() => front.members.length === count);
    }
    assert.equal(front.refusals.counts['source-limit'], 0);
  });

  it('lets members in however many strangers hold on, which make way from the oldest on', async (t) => {
    const front = await OpenFront.open(t, { maxUnauthenticatedPerSource: 100 });
    const silent: Socket[] = [];
    for (let count = 0; count < LIMITS.maxUnauthenticated; count++) silent.push(await front.silent());
    const svid = await front.gatewaySvid();
    for (let count = 1; count <= 3; count++) {
      front.secure(svid);
      await front.until(() => front.members.length === count);
    }
    await closed(silent[0] as Socket);
    assert.ok(!(silent.at(-1) as Socket).closed);
    const { counts } = front.refusals;
    assert.ok(counts['stranger-limit'] >= 1 && counts['stranger-limit'] <= 3, JSON.stringify(counts));
    assert.deepEqual([counts['tls-handshake'], counts['connection-limit']], [0, 0]);
    assert.ok(front.members.every(({ destroyed }) => !destroyed));
  });

  it('closes whoever comes when members have taken all', async (t) => {
    const front = await OpenFront.open(t);
    const svid = await front.gatewaySvid();
    for (let count = 1; count <= LIMITS.maxConnections; count++) {
      front.secure(svid);
      await front.until(() => front.members.length === count);
    }
    await closed(await front.silent());
    assert.equal(front.refusals.counts['connection-limit'], 1);
    assert.deepEqual(front.told, ['more connections than there may be']);
  });

  it('counts who comes without a certificate as a stranger, until it goes', async (t) => {
    const front = await OpenFront.open(t, { maxUnauthenticatedPerSource: 1 });
    const stranger = front.secure();
    await front.until(() => front.strangers.length === 1);
    await closed(await front.silent());
    assert.equal(front.refusals.counts['source-limit'], 1);
    stranger.destroy();
    await closed(front.strangers[0] as TLSSocket);
    front.secure(await front.gatewaySvid());
    await front.until(() => front.members.length === 1);
  });

  it('tells of what is no handshake, and of who is not the gateway; not of who goes by itself', async (t) => {
    const front = await OpenFront.open(t);
    const garbage = await front.silent();
    garbage.end('GET / HTTP/1.1\r\n\r\n');
    await front.until(() => front.refusals.counts['tls-handshake'] === 1);
    await closed(front.secure(await front.otherSvid()));
    assert.equal(front.refusals.counts['not-our-gateway'], 1);
    (await front.silent()).destroy();
    front.secure(await front.gatewaySvid());
    await front.until(() => front.members.length === 1);
    assert.equal(front.told.length, 2);
    assert.match(front.told[1] ?? '', /sa\/cart may not follow/);
  });
});
