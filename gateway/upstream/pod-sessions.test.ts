import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { gatewayId, workloadId } from '../../federation/model/identity.ts';
import { type Clock, SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { chainPem, type Forged, forge, forged } from '../../test/fixtures/certificate-forge.ts';
import { TestClusterset } from '../../test/fixtures/test-clusterset.ts';
import { TlsPod } from '../../test/fixtures/tls-pod.ts';
import { POD_HOST, svidOptions } from '../../test/fixtures/upstream-scene.ts';
import type { UpstreamTlsPlan } from '../routing/upstream-plan.ts';
import type { TrunkCredentials } from '../trunk/dialler.ts';
import { tlsConnector } from './connect-tls.ts';
import { PodCredentials } from './pod-credentials.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const SIMPLE = {
  mutual: false,
  serverName: POD_HOST,
  names: [{ kind: 'hostname', value: POD_HOST }],
  alpn: ['http/1.1'],
} as const;

/** Connects to a pod again and again, at times that the test says. */
class Caller {
  #aheadMs = 0;
  readonly #pod: TlsPod;
  readonly #connect;

  constructor(pod: TlsPod, plan: UpstreamTlsPlan, current: () => TrunkCredentials | undefined) {
    this.#pod = pod;
    const clock: Clock = {
      now: () => SYSTEM_CLOCK.now() + this.#aheadMs,
      monotonic: () => SYSTEM_CLOCK.monotonic(),
      after: (ms, then) => SYSTEM_CLOCK.after(ms, then),
    };
    const credentials = new PodCredentials(current);
    const rejected = (reason: string): void => assert.fail(reason);
    const options = { clock, reads: undefined, plan, alpn: plan.alpn, credentials, rejected };
    this.#connect = tlsConnector({ host: '127.0.0.1', port: pod.port }, options);
  }

  /** Whether the connection was a resumed one. */
  async connectAt(minutes: number): Promise<boolean | undefined> {
    this.#aheadMs = minutes * MINUTE_MS;
    const socket = await new Promise<Socket>((connected, failed) => {
      this.#connect(10_000, { connected, failed: (reason) => failed(new Error(reason)) });
    });
    // An answer comes after the ticket.
    socket.end('GET / HTTP/1.1\r\nhost: pod\r\nconnection: close\r\n\r\n');
    for await (const _ of socket);
    return this.#pod.connections.at(-1)?.resumed;
  }

  async connectAtEach(minutes: readonly number[]): Promise<(boolean | undefined)[]> {
    const resumed: (boolean | undefined)[] = [];
    for (const each of minutes) resumed.push(await this.connectAt(each));
    return resumed;
  }
}

function authority(name: string, lastsMs: number, issuer?: Forged): Promise<Forged> {
  return forge({
    subject: `CN=${name}`,
    ...(issuer === undefined ? {} : { issuer }),
    notAfterMs: Date.now() + lastsMs,
    extensions: [forged.basicConstraints(true), forged.keyUsage('keyCertSign')],
  });
}

/** A pod whose certificate is of an intermediate below a root; each lasts as long as is said. */
async function podBelow(t: TestContext, lastMs: { readonly root: number; readonly intermediate: number }) {
  const root = await authority('root', lastMs.root);
  const intermediate = await authority('intermediate', lastMs.intermediate, root);
  const leaf = await forge({
    subject: 'CN=pod',
    issuer: intermediate,
    notAfterMs: Date.now() + DAY_MS,
    extensions: [forged.basicConstraints(false), forged.san([{ dNSName: POD_HOST }])],
  });
  const pod = await TlsPod.start(t, {
    kind: 'https',
    cert: chainPem(leaf, intermediate),
    key: leaf.privateKeyPem,
  });
  return { pod, root, intermediate };
}

describe('sessions with pods', () => {
  it('are resumed for an hour after the chain was verified, however often they were', async (t) => {
    const { pod, root } = await podBelow(t, { root: DAY_MS, intermediate: DAY_MS });
    const caller = new Caller(pod, { ...SIMPLE, authorities: [root.der] }, () => undefined);
    const resumed = await caller.connectAtEach([0, 20, 40, 59, 61, 100, 119, 122]);
    assert.deepEqual(resumed, [false, true, true, true, false, true, true, false]);
  });

  for (const [what, lastMs] of [
    ['intermediate', { root: DAY_MS, intermediate: 30 * MINUTE_MS }],
    ['root', { root: 30 * MINUTE_MS, intermediate: DAY_MS }],
  ] as const) {
    it(`are not resumed once the ${what} that the chain was verified by has ended`, async (t) => {
      const { pod, root } = await podBelow(t, lastMs);
      const expired = await authority('one of long ago', -MINUTE_MS);
      const authorities = [expired.der, root.der];
      const caller = new Caller(pod, { ...SIMPLE, authorities }, () => undefined);
      assert.deepEqual(await caller.connectAtEach([0, 15, 29, 31]), [false, true, true, false]);
    });
  }

  it('are resumed no longer with SVIDs either', async (t) => {
    const clusterset = await TestClusterset.create(['west']);
    const [svid, own] = await Promise.all([
      clusterset.svid('west', workloadId('west.mesh.example', 'shop', 'payments')),
      clusterset.svid('west', gatewayId('west.mesh.example')),
    ]);
    const pod = await TlsPod.start(t, { kind: 'https', ...svidOptions(svid) });
    const plan: UpstreamTlsPlan = {
      ...SIMPLE,
      mutual: true,
      authorities: undefined,
      names: [{ kind: 'uri-parent', value: 'spiffe://west.mesh.example/ns/shop/sa/' }],
    };
    const caller = new Caller(pod, plan, () => ({ svid: own, bundles: clusterset.bundles }));
    assert.deepEqual(await caller.connectAtEach([0, 30, 59, 61, 62]), [false, true, true, false, true]);
  });
});
