import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { Http2Client } from '../../test/fixtures/http2-client.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';

for (const reach of ['left', 'removed'] as const) {
  test(`trunks of a peer that ${reach === 'left' ? 'left' : 'was removed'} are closed`, async (t) => {
    const mesh = await TestMesh.create(t, ['east', 'west']);
    const pod = await Http2Backend.start(t, (stream) => {
      stream.respond();
      stream.end();
    });
    const payments = { name: 'payments', protocol: 'http2' } as const;
    const behind = {
      peers: { east: [1] },
      services: [{ ...payments, endpoints: [pod.port], offeredBy: [] }],
    };
    const west = await mesh.gateway('west', behind);
    const east = await mesh.gateway('east', {
      peers: { west: [await west.listenMesh()] },
      services: [{ ...payments, endpoints: [], offeredBy: ['west'] }],
    });
    const client = new Http2Client(t, await east.listenHttp());
    assert.equal((await client.request()).status, 200);
    const [socket] = west.trunkSockets;
    assert.ok(socket !== undefined);
    west.useSnapshot(mesh.snapshot('west', behind, 2));
    assert.equal((await client.request()).status, 200);
    assert.ok(!socket.destroyed, 'a member keeps its trunks');
    const closed = once(socket, 'close');
    const next = mesh.snapshot('west', behind, 3);
    const peers = new Map(next.peers);
    const peer = peers.get('east');
    assert.ok(peer !== undefined);
    if (reach === 'left') peers.set('east', { ...peer, reach });
    else peers.delete('east');
    west.useSnapshot({ ...next, peers });
    await closed;
  });
}
