import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../test/fixtures/ephemeral-port.ts';
import { type Http2Answer, Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { Http2Client } from '../../test/fixtures/http2-client.ts';
import { TcpRelay } from '../../test/fixtures/tcp-relay.ts';
import type { TestGateway } from '../../test/fixtures/test-gateway.ts';
import { type TestCluster, TestMesh } from '../../test/fixtures/test-mesh.ts';
import type { TrunkReport } from './trunk-set.ts';
import type { TrunkTiming } from './trunk-timing.ts';

/** Nothing is lost because it is late: on a busy machine a loss or a failed dial would be nobody's fault. */
const QUICK: Partial<TrunkTiming> = { pingIntervalMs: 100, tickMs: 20 };
/** So short that a test need not wait, so long that a busy machine does not break it. */
const SHORT_SILENCE: Partial<TrunkTiming> = { ...QUICK, silenceMs: 1_000, connectTimeoutMs: 1_000 };
const PAYMENTS = { name: 'payments', protocol: 'http2' } as const;

interface Pair {
  readonly mesh: TestMesh;
  readonly east: TestGateway;
  readonly west: TestGateway;
  readonly wire: TcpRelay;
  readonly client: Http2Client;
}

const hello: Http2Answer = (stream) => {
  stream.respond();
  stream.end('hello');
};

async function pair(
  t: TestContext,
  options: { pod?: Http2Answer; east?: Partial<TestCluster> } = {},
): Promise<Pair> {
  const mesh = await TestMesh.create(t, ['east', 'west']);
  const pod = await Http2Backend.start(t, options.pod ?? hello);
  const west = await mesh.gateway('west', {
    peers: { east: [1] },
    services: [{ ...PAYMENTS, endpoints: [pod.port], offeredBy: [] }],
  });
  const wire = await TcpRelay.start(t, await west.listenMesh());
  const east = await mesh.gateway('east', {
    timing: QUICK,
    ...options.east,
    peers: { west: [wire.port] },
    services: [{ ...PAYMENTS, endpoints: [], offeredBy: ['west'] }],
  });
  return { mesh, east, west, wire, client: new Http2Client(t, await east.listenHttp()) };
}

function report(gateway: TestGateway): TrunkReport | undefined {
  return gateway.engine.trunks.reports()[0];
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

describe('the trunk to a peer', () => {
  it('opens with the first request, is one, and measures its round trip', async (t) => {
    const { east, wire, client } = await pair(t);
    assert.equal(report(east)?.state, 'idle');
    const responses = await Promise.all(Array.from({ length: 100 }, () => client.request()));
    assert.ok(responses.every(({ status }) => status === 200));
    assert.equal(wire.connections, 1);
    assert.equal(report(east)?.state, 'up');
    assert.deepEqual(east.answered, ['west']);
    await until(() => report(east)?.rttMs !== undefined);
  });

  it('is there before the first request when it is kept warm', async (t) => {
    const { east, wire } = await pair(t, { east: { warm: true } });
    await until(() => report(east)?.state === 'up');
    assert.equal(wire.connections, 1);
  });

  it('that falls silent is lost after the deadline, and found again when it speaks', async (t) => {
    const asked = Promise.withResolvers<void>();
    let quiet = true;
    const { east, wire, client } = await pair(t, {
      east: { warm: true, timing: SHORT_SILENCE },
      pod: (stream) => {
        asked.resolve();
        if (!quiet) hello(stream, {});
      },
    });
    // On a busy machine the first dials may take too long: then the request is refused, and the pod hears nothing.
    let pending = client.request();
    const heard = asked.promise.then(() => true);
    while (!(await Promise.race([heard, pending.then(() => false)]))) pending = client.request();
    wire.freeze();
    assert.equal((await pending).status, 503);
    await until(() => report(east)?.state === 'down');
    assert.ok(east.lost.length > 0);
    assert.equal((await client.request()).status, 503);
    const answered = east.answered.length;
    quiet = false;
    wire.thaw();
    await until(() => report(east)?.state === 'up');
    await until(() => east.answered.length > answered);
  });

  it('whose peer is dead is dialled again by each gateway in its own time', async (t) => {
    const mesh = await TestMesh.create(t, ['east', 'west']);
    const drawers = await Promise.all(
      [0, 0.999].map(async (number) => {
        const drawer = { drawn: 0 };
        await mesh.gateway('east', {
          timing: QUICK,
          warm: true,
          random: () => {
            drawer.drawn++;
            return number;
          },
          // Nobody listens there.
          peers: { west: [await freePort()] },
          services: [{ ...PAYMENTS, endpoints: [], offeredBy: ['west'] }],
        });
        return drawer;
      }),
    );
    // Each dial draws twice: where to begin among the addresses, and when to try again.
    const [hasty, late] = drawers;
    // With nothing drawn it dials at every look, each 20 ms; the other waits for 0.1, 0.2, 0.4, 0.8 and then 1.6 s.
    await until(() => (hasty?.drawn ?? 0) >= 120 && (late?.drawn ?? 0) >= 4);
    assert.ok(late !== undefined && late.drawn <= 40, `${late?.drawn} numbers drawn`);
  });

  it('is not lost while this process itself stands still', async (t) => {
    const timing = { ...QUICK, silenceMs: 1_000 };
    const { east, client } = await pair(t, { east: { warm: true, timing } });
    assert.equal((await client.request()).status, 200);
    const resumeAtMs = performance.now() + 1_500;
    while (performance.now() < resumeAtMs) {
      // As if the process had been stopped.
    }
    await sleep(100);
    assert.deepEqual(east.lost, []);
    assert.equal((await client.request()).status, 200);
  });

  it('is replaced without a lost request when the peer drains it', async (t) => {
    const { east, west, wire, client } = await pair(t);
    let stop = false;
    let count = 0;
    const load = Array.from({ length: 16 }, async (_, worker) => {
      while (!stop) {
        const response = worker % 2 === 0 ? await client.request() : await client.request({}, 'once');
        assert.equal(response.status, 200);
        count++;
      }
    });
    const drained = async (): Promise<void> => {
      for (let round = 1; round <= 3; round++) {
        await until(() => count >= round * 100);
        for (const connection of west.trunkConnections) connection.drain();
        await until(() => wire.connections >= round + 1);
      }
      await until(() => count >= 500);
      stop = true;
    };
    // A request that fails ends the test, which would wait for ever for the others.
    await Promise.all([drained(), ...load]);
    assert.equal(wire.connections, 4);
    assert.deepEqual(east.lost, []);
    assert.ok(east.seen.every(({ status }) => status === 200));
  });

  it('is replaced without a lost request when it is old', async (t) => {
    const { east, wire, client } = await pair(t, { east: { timing: { ...QUICK, maxAgeMs: 150 } } });
    while (wire.connections < 3) assert.equal((await client.request({}, 'once')).status, 200);
    assert.deepEqual(east.lost, []);
    assert.ok(east.seen.every(({ attempts }) => attempts === 1));
  });

  it('that is old keeps its streams to their end while another takes what is new', async (t) => {
    const asked = Promise.withResolvers<() => void>();
    const { east, west, wire, client } = await pair(t, {
      east: { timing: { ...QUICK, maxAgeMs: 150 } },
      pod: (stream, headers) => {
        if (headers[':path'] === '/long') asked.resolve(() => hello(stream, headers));
        else hello(stream, headers);
      },
    });
    const long = client.request({ ':path': '/long' }, 'once');
    const answer = await asked.promise;
    while (wire.connections < 3) assert.equal((await client.request({}, 'once')).status, 200);
    answer();
    const response = await long;
    assert.equal(response.status, 200);
    assert.equal(response.body.toString(), 'hello');
    assert.deepEqual(east.lost, []);
    assert.ok(west.seen.every(({ failure }) => failure === undefined));
  });

  it('whose connections the network resets fails what may have been done once, and repeats the rest', async (t) => {
    const done = new Map<string, number>();
    const { east, wire, client } = await pair(t, {
      pod: (stream, headers) => {
        const path = String(headers[':path']);
        if (headers[':method'] === 'POST') done.set(path, (done.get(path) ?? 0) + 1);
        hello(stream, headers);
      },
    });
    let stop = false;
    let asked = 0;
    const answers: { readonly post: boolean; readonly path: string; readonly status: number | undefined }[] =
      [];
    const load = Array.from({ length: 16 }, async (_, worker) => {
      while (!stop) {
        const post = worker % 2 === 1;
        const path = `/${asked++}`;
        const { status } = await client.request({ ':path': path }, ...(post ? ['once'] : []));
        answers.push({ post, path, status });
      }
    });
    for (let resets = 1; resets <= 3; resets++) {
      const before = answers.length;
      await until(() => answers.length >= before + 100);
      // On a busy machine there may be one more than one for each reset.
      const opened = wire.connections;
      wire.reset();
      await until(() => wire.connections > opened && report(east)?.state === 'up');
    }
    stop = true;
    await Promise.all(load);
    assert.equal(answers.length, asked, 'each has one answer');
    assert.deepEqual(
      answers.filter(({ post, status }) => !post && status !== 200),
      [],
    );
    for (const { path, status } of answers.filter(({ post }) => post)) {
      if (status === 200) assert.equal(done.get(path), 1, path);
      else assert.ok((status === 502 || status === 503) && (done.get(path) ?? 0) <= 1, `${path}: ${status}`);
    }
  });

  it('closes when nobody uses it, unless it is kept warm', async (t) => {
    const timing = { ...QUICK, idleMs: 100 };
    const cold = await pair(t, { east: { timing } });
    assert.equal((await cold.client.request()).status, 200);
    await until(() => report(cold.east)?.state === 'idle');
    assert.deepEqual(cold.east.lost, []);
    assert.equal((await cold.client.request()).status, 200);
    const warm = await pair(t, { east: { timing, warm: true } });
    await until(() => report(warm.east)?.state === 'up');
    await sleep(300);
    assert.equal(warm.wire.connections, 1);
  });

  it('ends when the peer leaves the snapshot, after its last stream', async (t) => {
    const asked = Promise.withResolvers<() => void>();
    const { mesh, east, client } = await pair(t, { pod: (stream) => asked.resolve(() => hello(stream, {})) });
    const pending = client.request();
    const answer = await asked.promise;
    east.useSnapshot(mesh.snapshot('east', { services: [{ ...PAYMENTS, endpoints: [], offeredBy: [] }] }, 2));
    assert.equal((await client.request()).status, 503);
    answer();
    assert.equal((await pending).status, 200);
  });
});

describe('a slow reader', () => {
  it('holds up nobody else on the trunk, and only so much memory', async (t) => {
    const piece = Buffer.alloc(64 * 1024, 'x');
    const { east, west, client } = await pair(t, {
      pod: (stream, headers) => {
        if (headers[':path'] !== '/endless') {
          hello(stream, headers);
          return;
        }
        stream.respond();
        const feed = (): void => {
          while (!stream.destroyed && stream.write(piece)) {
            // Until it pushes back.
          }
        };
        stream.on('drain', feed);
        feed();
      },
    });
    const stalled = client.open({ ':path': '/endless' });
    stalled.on('error', () => undefined);
    await once(stalled, 'response');
    const other = new Http2Client(t, await east.listenHttp());
    for (let i = 0; i < 50; i++) assert.equal((await other.request()).body.toString(), 'hello');
    const bound = 2 * 1024 * 1024;
    assert.ok(east.resources.heldBytes.usedBytes < bound, String(east.resources.heldBytes.usedBytes));
    assert.ok(west.resources.heldBytes.usedBytes < bound, String(west.resources.heldBytes.usedBytes));
    stalled.close(8);
    await until(() => east.resources.heldBytes.usedBytes === 0 && west.resources.heldBytes.usedBytes === 0);
  });
});
