import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import { offerOf, serviceOf, snapshotOf } from '../../test/fixtures/routing-snapshot.ts';
import type { RoutingSnapshot } from '../model/snapshot.ts';
import { ManualClock } from '../runtime/clock.ts';
import {
  type GatewayStatement,
  gatewayStatementToWire,
  type SnapshotStatement,
  snapshotStatementFromWire,
} from '../wire/gateway-message.ts';
import { FEDERATION_SERVICE } from '../wire/grpc-services.ts';
import { applyDelta } from '../wire/snapshot-delta.ts';
import { SnapshotEncoder } from '../wire/snapshot-encoder.ts';
import { GatewayRegistry } from './gateway-registry.ts';
import { type FollowCall, GatewaySession } from './gateway-session.ts';
import { SnapshotHistory } from './snapshot-history.ts';

/** A call whose other side takes a message only when the test says so. */
class HeldCall extends EventEmitter implements FollowCall {
  readonly sent: SnapshotStatement[] = [];
  ended: 'no' | 'properly' | status = 'no';
  #taken: (() => void)[] = [];

  constructor() {
    super();
    this.on('error', ({ code }: { code: status }) => {
      this.ended = code;
    });
  }

  getPeer(): string {
    return '127.0.0.1:1';
  }

  write(message: Buffer, done: () => void): void {
    this.sent.push(snapshotStatementFromWire(FEDERATION_SERVICE.follow.responseDeserialize(message)));
    this.#taken.push(done);
  }

  end(): void {
    this.ended = 'properly';
  }

  say(statement: GatewayStatement): void {
    this.emit('data', gatewayStatementToWire(statement));
  }

  /** The other side takes what is on its way, and puts it in force. */
  accept(): void {
    const last = this.sent.at(-1);
    this.take();
    const { epoch, version } = (last?.kind === 'delta' ? last.delta : last?.snapshot) ?? assert.fail();
    this.say({ kind: 'ack', epoch, version });
  }

  /** The other side takes what is on its way. */
  take(): void {
    const taken = this.#taken;
    this.#taken = [];
    for (const done of taken) done();
  }
}

function setUp() {
  const clock = new ManualClock();
  const history = new SnapshotHistory();
  const refusals: string[] = [];
  const registry = new GatewayRegistry({
    endpointsChanged: () => {},
    trunksReported: () => {},
    gatewayGone: () => {},
    gatewayRefused: (gateway) => refusals.push(gateway),
  });
  const encoder = new SnapshotEncoder();
  const connect = (): HeldCall => {
    const call = new HeldCall();
    new GatewaySession(call, { history, encoder, clock, listener: registry });
    return call;
  };
  /** A snapshot with one service whose hosts are as many as the version says; the other one never changes. */
  const publish = (version: number): RoutingSnapshot => {
    const changing = serviceOf({ name: 'changing', offers: [offerOf('east', version)] });
    const made = snapshotOf([changing], [], version);
    const before = history.value ?? made;
    const snapshot = { ...made, local: before.local, peers: before.peers, trustBundles: before.trustBundles };
    history.publish(snapshot);
    return snapshot;
  };
  return { clock, history, registry, refusals, connect, publish };
}

const HELLO = {
  kind: 'hello',
  gateway: 'gw-1',
  softwareVersion: '1',
  startedAtMs: 1,
  epoch: 0,
  version: 0,
  takesPatches: false,
} as const;

describe('a Follow stream', () => {
  it('is sent nothing before its Hello, and ends without one', () => {
    const { clock, connect, publish } = setUp();
    const call = connect();
    publish(1);
    assert.equal(call.sent.length, 0);
    clock.advance(10_000);
    assert.equal(call.ended, status.INVALID_ARGUMENT);
    publish(2);
    assert.equal(call.sent.length, 0);
  });

  it('begins as soon as there is a snapshot', () => {
    const { connect, publish } = setUp();
    const call = connect();
    call.say(HELLO);
    assert.equal(call.sent.length, 0);
    publish(1);
    assert.equal(call.sent[0]?.kind, 'snapshot');
  });

  it('to a slow gateway has one message on its way, then one with all that changed meanwhile', () => {
    const { connect, publish } = setUp();
    const call = connect();
    const first = publish(1);
    call.say(HELLO);
    for (let version = 2; version <= 1000; version++) publish(version);
    assert.equal(call.sent.length, 1);
    call.take();
    assert.equal(call.sent.length, 1, 'it is not in force yet');
    call.say({ kind: 'ack', epoch: 1, version: 1 });
    assert.equal(call.sent.length, 2);
    const [, merged] = call.sent;
    assert.ok(merged?.kind === 'delta');
    assert.deepEqual([merged.delta.baseVersion, merged.delta.version], [1, 1000]);
    const hosts = applyDelta(first, merged.delta).services.get('shop/changing')?.offers[0]?.localities[0]
      ?.hosts;
    assert.equal(hosts, 1000);
    call.accept();
    assert.equal(call.sent.length, 2, 'nothing new, nothing sent');
  });

  it('goes on from what the gateway has, as long as that is remembered', () => {
    const { connect, publish } = setUp();
    for (let version = 1; version <= 40; version++) publish(version);
    const kindFor = (epoch: number, version: number): string | undefined => {
      const call = connect();
      call.say({ ...HELLO, epoch, version });
      return call.sent[0]?.kind;
    };
    assert.equal(kindFor(1, 30), 'delta');
    assert.equal(kindFor(1, 1), 'snapshot', 'too old');
    assert.equal(kindFor(2, 30), 'snapshot', 'of another epoch');
    assert.equal(kindFor(1, 40), undefined, 'has the newest');
  });

  it('answers a refused delta with everything, also one that could not be read', () => {
    const { connect, publish, refusals, registry } = setUp();
    const call = connect();
    publish(1);
    call.say(HELLO);
    call.accept();
    for (const [version, refused] of [
      [2, { epoch: 1, version: 2 }],
      [4, { epoch: 0, version: 0 }],
    ] as const) {
      publish(version);
      call.take();
      publish(version + 1);
      assert.equal(call.sent.at(-1)?.kind, 'delta');
      call.say({ kind: 'nack', ...refused, reason: 'a worker refuses it' });
      assert.equal(call.sent.at(-1)?.kind, 'snapshot');
      assert.equal(registry.statuses[0]?.refused?.reason, 'a worker refuses it');
      call.take();
      // Nothing is wrong with what is there now.
      call.say({ kind: 'ack', epoch: 1, version: version + 1 });
      assert.equal(registry.statuses[0]?.refused, undefined);
    }
    assert.deepEqual(refusals, ['gw-1', 'gw-1']);
  });

  it('ends when it answers what was not sent', () => {
    const { connect, publish } = setUp();
    const call = connect();
    publish(1);
    call.say(HELLO);
    call.say({ kind: 'ack', epoch: 1, version: 1 });
    call.say({ kind: 'ack', epoch: 1, version: 1 });
    assert.equal(call.ended, status.INVALID_ARGUMENT);
  });

  it('patches services for a gateway that takes patches, and for no other', () => {
    const { connect, publish } = setUp();
    const [older, newer] = [connect(), connect()];
    publish(1);
    older.say({ ...HELLO, gateway: 'older' });
    newer.say({ ...HELLO, takesPatches: true });
    const calls = [older, newer];
    for (const call of calls) call.accept();
    publish(2);
    const counts = calls.map(({ sent: [, last] }) =>
      last?.kind === 'delta' ? [last.delta.changedServices.length, last.delta.patchedServices.length] : [],
    );
    assert.deepEqual(counts, [
      [1, 0],
      [0, 1],
    ]);
  });

  it('does not press a gateway that refuses everything', () => {
    const { clock, connect, publish, registry } = setUp();
    const call = connect();
    publish(1);
    call.say(HELLO);
    call.take();
    call.say({ kind: 'nack', epoch: 1, version: 1, reason: 'cannot' });
    for (let version = 2; version < 50; version++) publish(version);
    assert.equal(call.sent.length, 1);
    assert.equal(registry.statuses[0]?.refused?.reason, 'cannot');
    clock.advance(5000);
    assert.deepEqual(
      call.sent.map(({ kind }) => kind),
      ['snapshot', 'snapshot'],
    );
    call.say({ kind: 'ack', epoch: 1, version: 49 });
    assert.equal(registry.statuses[0]?.refused, undefined);
    assert.equal(registry.statuses[0]?.ackedVersion, 49);
  });

  it('of a gateway that came again is given up', () => {
    const { connect, publish, registry } = setUp();
    publish(1);
    const [first, second] = [connect(), connect()];
    first.say(HELLO);
    second.say(HELLO);
    assert.deepEqual([first.ended, second.ended], ['properly', 'no']);
    assert.equal(registry.statuses.length, 1);
    second.emit('cancelled');
    assert.equal(registry.statuses.length, 0);
  });
});
