import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { FederationWorld } from '../test/fixtures/federation-world.ts';

describe('a federation service does not start', { timeout: 60_000 }, () => {
  it('on a port that is in use, and touches nothing then', async (t) => {
    const world = await FederationWorld.create(t, ['east']);
    const occupier = createServer().listen(0, '127.0.0.1');
    t.after(() => occupier.close());
    await new Promise((resolve) => occupier.once('listening', resolve));
    const bound = occupier.address();
    assert.ok(typeof bound === 'object' && bound !== null);
    const { port } = bound;
    for (const place of ['listen', 'admin', 'issuer'] as const) {
      await assert.rejects(world.start('east', { [place]: { host: '127.0.0.1', port } }), {
        name: 'UserError',
        message: `cannot listen on 127.0.0.1:${port}: the port is in use`,
      });
    }
    await world.start('east');
  });

  it("on another cluster's state folder", async (t) => {
    const world = await FederationWorld.create(t, ['east', 'west']);
    await (await world.start('west')).close();
    await assert.rejects(world.start('east', { stateFolder: world.folder('west', 'state') }), {
      name: 'UserError',
      message: /federation\.json: is the state of cluster west/,
    });
  });

  it('twice on one state folder', async (t) => {
    const world = await FederationWorld.create(t, ['east']);
    await world.start('east');
    await assert.rejects(world.start('east'), {
      message: /another federation service uses this state folder/,
    });
  });

  it('with damaged state, and says which file', async (t) => {
    const world = await FederationWorld.create(t, ['east']);
    await (await world.start('east')).close();
    const path = world.folder('east', 'state', 'federation.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.slice(0, -5));
    await assert.rejects(world.start('east'), { name: 'UserError', message: /federation\.json: is damaged/ });
  });

  it('without the secret of the gateways', async (t) => {
    const world = await FederationWorld.create(t, ['east']);
    await assert.rejects(world.start('east', { gatewaySecretFile: world.folder('east', 'none') }), {
      name: 'UserError',
      message: /none/,
    });
  });
});
