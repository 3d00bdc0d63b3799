import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttp, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import {
  Server as GrpcServer,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { HealthCheckKind, HealthCheckPolicy } from '../../federation/model/policy.ts';
import type { PortProtocol } from '../../federation/model/service.ts';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import { ManualClock, SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { routingRuntime } from '../../test/fixtures/routing-runtime.ts';
import { serverCertificate } from '../../test/fixtures/server-certificate.ts';
import { testSnapshot } from '../../test/fixtures/test-snapshot.ts';
import { TlsPod } from '../../test/fixtures/tls-pod.ts';
import { MUTUAL_TLS } from '../../test/fixtures/upstream-scene.ts';
import { certificatesFromPem } from '../../trust/pem.ts';
import { compileRouteTable } from '../routing/compile.ts';
import type { RouteTable } from '../routing/route-table.ts';
import type { UpstreamPlan, UpstreamTlsPlan } from '../routing/upstream-plan.ts';
import { applyFindings } from './apply-findings.ts';
import { afterCheck, type CheckedState, PENDING } from './check-state.ts';
import { HealthChecker } from './health-checker.ts';
import { createProbe } from './probe.ts';
import type { ProbeTarget } from './probe-target.ts';

const thresholds = { unhealthyThreshold: 3, healthyThreshold: 2 };

function policyOf(check: HealthCheckKind): HealthCheckPolicy {
  return { check, intervalMs: 1_000, timeoutMs: 30_000, ...thresholds };
}

describe('what a check’s result changes', () => {
  const outcomes: readonly (readonly [string, string])[] = [
    ['', 'pending'],
    ['+', 'healthy'],
    ['-', 'unhealthy'],
    ['+--', 'healthy'],
    ['+---', 'unhealthy'],
    ['+--+--', 'healthy'],
    ['-+', 'unhealthy'],
    ['-++', 'healthy'],
    ['-+-+', 'unhealthy'],
  ];
  for (const [results, expected] of outcomes) {
    it(`after ${results || 'nothing'} it is ${expected}`, () => {
      const state = [...results].reduce<CheckedState>(
        (before, result) => afterCheck(before, result === '+', thresholds),
        PENDING,
      );
      assert.equal(state.kind, expected);
    });
  }
});

describe('active checks', () => {
  function withEndpoints(ports: readonly number[], policy: HealthCheckPolicy | undefined): RoutingSnapshot {
    const snapshot = testSnapshot({
      cluster: 'east',
      peers: {},
      bundles: new Map(),
      services: [{ name: 'cart', protocol: 'http', endpoints: ports, offeredBy: [] }],
    });
    const [[key, service] = assert.fail()] = [...snapshot.services];
    const failover = { ...service.failover, healthCheck: policy };
    return { ...snapshot, services: new Map([[key, { ...service, failover }]]) };
  }
  function overTls(snapshot: RoutingSnapshot): RoutingSnapshot {
    const services = [...snapshot.services].map(([key, service]) => {
      const upstreamTls = { ...MUTUAL_TLS, hostname: 'cart.example' };
      return [key, { ...service, traffic: { ...service.traffic, upstreamTls } }] as const;
    });
    return { ...snapshot, services: new Map(services) };
  }
  /** The first port by these names. */
  function withPorts(snapshot: RoutingSnapshot, names: readonly string[]): RoutingSnapshot {
    const services = [...snapshot.services].map(([key, service]) => {
      const [port = assert.fail()] = service.ports;
      const ports = names.map((name, index) => ({ ...port, name, port: port.port + index }));
      const endpoints = service.endpoints.map((endpoint) => {
        const number = endpoint.ports[port.name] ?? assert.fail();
        return { ...endpoint, ports: Object.fromEntries(names.map((name) => [name, number])) };
      });
      return [key, { ...service, ports, endpoints }] as const;
    });
    return { ...snapshot, services: new Map(services) };
  }
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const policy = policyOf({ kind: 'tcp' });

  it('run where a policy asks, keep what they know, and end with the endpoint', async () => {
    const clock = new ManualClock();
    const asked: number[] = [];
    const serverNames: (string | undefined)[] = [];
    const passing = new Set([1, 2]);
    let changes = 0;
    const checker = new HealthChecker({
      clock,
      random: () => 0.5,
      probe: async ({ port, upstream }) => {
        asked.push(port);
        serverNames.push(upstream.tls?.serverName);
        return passing.has(port);
      },
      changed: () => changes++,
    });
    const states = () => checker.findings.map(({ address, state }) => `${address} ${state}`);
    checker.update(withEndpoints([1, 2], undefined));
    assert.deepEqual(states(), []);
    checker.update(withEndpoints([1, 2], policy));
    assert.deepEqual(states(), ['127.0.0.1:1 pending', '127.0.0.1:2 pending']);
    await settled();
    assert.deepEqual(states(), ['127.0.0.1:1 healthy', '127.0.0.1:2 healthy']);
    passing.delete(2);
    checker.update(withEndpoints([1, 2, 3], policy));
    for (let round = 0; round < 3; round++) {
      clock.advance(1_000);
      await settled();
    }
    assert.deepEqual(states(), ['127.0.0.1:1 healthy', '127.0.0.1:2 unhealthy', '127.0.0.1:3 unhealthy']);
    const changesBefore = changes;
    checker.update(withEndpoints([1], policy));
    assert.equal(changes, changesBefore + 1);
    asked.length = 0;
    clock.advance(1_000);
    await settled();
    assert.deepEqual(asked, [1]);
    checker.update(overTls(withEndpoints([1], policy)));
    clock.advance(1_000);
    await settled();
    assert.deepEqual(serverNames, [...Array(serverNames.length - 1).fill(undefined), 'cart.example']);
    asked.length = 1;
    checker.close();
    clock.advance(10_000);
    await settled();
    assert.deepEqual(asked, [1]);
  });

  it('are told again when a port has an endpoint that was known as another port’s', async () => {
    const runtime = routingRuntime();
    let table: RouteTable<unknown> | undefined;
    let told = 0;
    const checker: HealthChecker = new HealthChecker({
      clock: new ManualClock(),
      random: () => 0.5,
      probe: async () => true,
      changed: () => {
        told++;
        if (table !== undefined) applyFindings(table, checker.findings, 0);
      },
    });
    const use = (snapshot: RoutingSnapshot): void => {
      table = compileRouteTable(snapshot, table, runtime, 0);
      checker.update(snapshot);
    };
    const checks = () =>
      [...(table?.routes() ?? [])].map(({ port, endpoints }) => [
        port.name,
        endpoints.map((endpoint) => endpoint.runtime.check),
      ]);
    const known = withEndpoints([1, 2], policy);
    use(known);
    await settled();
    use(withPorts(known, ['web']));
    assert.deepEqual(checks(), [['web', ['healthy', 'healthy']]]);
    const both = withPorts(known, ['web', 'alt']);
    use(both);
    const healthy = ['healthy', 'healthy'];
    assert.deepEqual(checks(), [
      ['web', healthy],
      ['alt', healthy],
    ]);
    const toldBefore = told;
    use({ ...both, services: new Map([...both.services].map(([key, built]) => [key, { ...built }])) });
    assert.equal(told, toldBefore);
    checker.close();
  });

  it('of endpoints that come later are made with the same plan, and so with the same TLS context', async () => {
    const plans: UpstreamPlan[] = [];
    const checker = new HealthChecker({
      clock: new ManualClock(),
      random: () => 0.5,
      probe: async ({ upstream }) => {
        plans.push(upstream);
        return true;
      },
      changed: () => undefined,
    });
    for (const ports of [[1], [1, 2], [2, 3]]) checker.update(overTls(withEndpoints(ports, policy)));
    await settled();
    checker.close();
    assert.equal(plans.length, 3);
    assert.equal(new Set(plans).size, 1);
  });
});

describe('probes', () => {
  const probe = createProbe({ clock: SYSTEM_CLOCK, credentials: () => undefined });
  const at = (port: number, protocol: PortProtocol): ProbeTarget => ({
    host: '127.0.0.1',
    port,
    upstream: { service: 'shop/payments', protocol, tls: undefined, limits: undefined, poolKey: protocol },
  });
  const portOf = (server: { address(): AddressInfo | string | null }) =>
    (server.address() as AddressInfo).port;

  async function http(t: TestContext, status: number): Promise<HttpServer> {
    const server = createHttp((request, response) => {
      response.writeHead(request.url === '/ready' ? status : 404);
      // A body without an end must not matter.
      response.write('…');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    return server;
  }

  it('over HTTP/1.1 look at the status', async (t) => {
    const check = { kind: 'http', path: '/ready', expectedStatus: [] } as const;
    const target = (server: HttpServer) => at(portOf(server), 'http');
    const good = target(await http(t, 202));
    assert.equal(await probe(good, policyOf(check)), true);
    assert.equal(await probe(good, policyOf({ ...check, path: '/other' })), false);
    assert.equal(await probe(target(await http(t, 503)), policyOf(check)), false);
    const teapot = policyOf({ ...check, expectedStatus: [418] });
    assert.equal(await probe(target(await http(t, 418)), teapot), true);
    assert.equal(await probe(at(1, 'http'), policyOf(check)), false);
  });

  it('over HTTP/1.1 fail where a pod changes the protocol unasked', async (t) => {
    const server = createTcp((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n');
      });
      t.after(() => socket.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const check = { kind: 'http', path: '/', expectedStatus: [] } as const;
    assert.equal(await probe(at(portOf(server), 'http'), policyOf(check)), false);
  });

  it('over HTTP/2 do so with prior knowledge', async (t) => {
    const backend = await Http2Backend.start(t, (stream, headers) => {
      stream.respond({ ':status': headers[':path'] === '/ready' ? 200 : 500 });
      stream.end();
    });
    const target = at(backend.port, 'http2');
    const check = { kind: 'http', path: '/ready', expectedStatus: [200] } as const;
    assert.equal(await probe(target, policyOf(check)), true);
    assert.equal(await probe(target, policyOf({ ...check, path: '/other' })), false);
  });

  it('over gRPC ask the health service', async (t) => {
    const server = new GrpcServer();
    const bytes = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value };
    const asked: string[] = [];
    server.addService(
      {
        check: {
          path: '/grpc.health.v1.Health/Check',
          requestStream: false,
          responseStream: false,
          requestSerialize: bytes.serialize,
          requestDeserialize: bytes.deserialize,
          responseSerialize: bytes.serialize,
          responseDeserialize: bytes.deserialize,
        },
      },
      {
        check: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
          asked.push(call.request.toString('latin1'));
          done(null, Buffer.of(0x08, call.request.length === 0 ? 1 : 2));
        },
      },
    );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    t.after(() => server.forceShutdown());
    const target = at(port, 'http2');
    assert.equal(await probe(target, policyOf({ kind: 'grpc', service: '' })), true);
    assert.equal(await probe(target, policyOf({ kind: 'grpc', service: 'shop.Pay' })), false);
    assert.deepEqual(asked, ['', '\n\x08shop.Pay']);
  });

  it('over TLS speak what the pod chooses, and hold it to its certificate', async (t) => {
    const certificate = await serverCertificate(['payments.shop.svc']);
    const authorities = certificatesFromPem(certificate.caPem);
    const names = [{ kind: 'hostname', value: 'payments.shop.svc' }] as const;
    const tls: UpstreamTlsPlan = {
      mutual: false,
      serverName: 'payments.shop.svc',
      authorities,
      names,
      alpn: ['h2', 'http/1.1'],
    };
    const check = { kind: 'http', path: '/ready', expectedStatus: [] } as const;
    for (const kind of ['https', 'h2'] as const) {
      const pod = await TlsPod.start(t, { kind, cert: certificate.certificatePem, key: certificate.keyPem });
      const over = (plan: UpstreamTlsPlan): ProbeTarget => ({
        host: '127.0.0.1',
        port: pod.port,
        upstream: { service: 'shop/payments', protocol: 'http', tls: plan, limits: undefined, poolKey: kind },
      });
      assert.equal(await probe(over(tls), policyOf(check)), true);
      assert.equal(await probe(over(tls), policyOf({ kind: 'tcp' })), true);
      assert.deepEqual(pod.requests, ['GET /ready']);
      const wrong = { ...tls, names: [{ kind: 'hostname', value: 'other.example' }] } as const;
      assert.equal(await probe(over(wrong), policyOf(check)), false);
      assert.equal(await probe(over(wrong), policyOf({ kind: 'tcp' })), false);
      // Without an SVID of ours there is nothing to show and nothing to check by.
      assert.equal(await probe(over({ ...tls, mutual: true }), policyOf(check)), false);
      assert.equal(await probe(over({ ...tls, authorities: undefined }), policyOf(check)), false);
      assert.deepEqual(pod.requests, ['GET /ready']);
    }
  });

  it('over TCP connect, and do not wait longer than they may', async (t) => {
    const server = createTcp();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const target = at(portOf(server), 'tcp');
    assert.equal(await probe(target, policyOf({ kind: 'tcp' })), true);
    // It accepts, and never answers.
    const check = { kind: 'http', path: '/', expectedStatus: [] } as const;
    const impatient = { ...policyOf(check), timeoutMs: 50 };
    assert.equal(await probe(at(portOf(server), 'http'), impatient), false);
    assert.equal(await probe(at(portOf(server), 'http2'), impatient), false);
  });
});
