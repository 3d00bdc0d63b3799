import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { Http1Backend } from '../fixtures/http1-backend.ts';
import { isthmus } from '../fixtures/isthmus-process.ts';
import { ask, exportedService, RunningCluster, startStore } from '../fixtures/running-cluster.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const HOST = 'payments.shop.svc.clusterset.local';

/** Everything under `/` goes to this service, and `/moved` somewhere else. */
function routeTo(service: string): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: payments, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: payments }]
  rules:
    - backendRefs: [{ name: ${service}, port: 80 }]
    - matches: [{ path: { type: PathPrefix, value: /moved } }]
      filters: [{ type: RequestRedirect, requestRedirect: { hostname: new.example } }]
`;
}

/** From a file in the resources folder to what a client gets, through the real programs. */
describe('an HTTPRoute in the resources folder', { timeout: 240_000 }, () => {
  const lifetime = new Lifetime();
  const owner = { after: (close: () => void | Promise<void>) => lifetime.add(close) };
  after(() => lifetime.close());
  let east: RunningCluster;

  const pod = async (path = '/'): Promise<string> => {
    const { status, body } = await ask(east.ports.http, path, HOST);
    return status === 200 ? (body.split(' ', 1)[0] ?? '') : String(status);
  };
  const until = async (wanted: string, path?: string): Promise<void> => {
    while ((await pod(path)) !== wanted) await new Promise((resolve) => setTimeout(resolve, 20));
  };

  before(async () => {
    east = await RunningCluster.plan(owner, tempFolder(owner), 'east');
    await east.init((await startStore(owner)).url);
    for (const name of ['payments', 'blue', 'green']) {
      const backend = await Http1Backend.start(owner, name);
      east.resource(`${name}.yaml`, exportedService(name, backend.port));
    }
    await east.start();
    await until('payments');
  });

  it('changes under load where requests go, and none of them fails', async () => {
    const seen = new Set<string>();
    let stopped = false;
    const client = async (): Promise<void> => {
      while (!stopped) seen.add(await pod());
    };
    const clients = Array.from({ length: 4 }, client);
    for (const name of ['blue', 'green', 'blue', 'green']) {
      east.resource('route.yaml', routeTo(name));
      await until(name);
    }
    stopped = true;
    await Promise.all(clients);
    const failed = [...seen].filter((one) => !['payments', 'blue', 'green'].includes(one));
    assert.deepEqual([failed, seen.has('blue'), seen.has('green')], [[], true, true]);
  });

  it('redirects', async () => {
    assert.equal(await pod('/moved/x'), '302');
  });

  it('is told by isthmus why', async () => {
    const admin = `127.0.0.1:${east.ports.gatewayAdmin}`;
    const why = (...args: string[]) => isthmus(owner, ['why', 'shop/payments', '--admin', admin, ...args]);
    const { stdout } = await why('--request', 'GET /a', '--header', 'x-a: b');
    assert.match(stdout, /^shop\/green:http from east/);
    assert.match(
      stdout,
      /^By HTTPRoute shop\/payments rules\[0\]\.\n100 % goes to Service shop\/green:80\.$/m,
    );
    const moved = await why('--request', 'GET /moved');
    assert.match(moved.stdout, /^The answer is 302, to http:\/\/new\.example\/moved\.$/m);
    const wrong = await why('--request', 'GET /', '--header', 'none');
    assert.match(wrong.stderr, /"none" is no header/);
  });

  it('sends a tenth to a Service that nobody exports, which no name leads to', async () => {
    const canary = await Http1Backend.start(owner, 'canary');
    const split = routeTo('payments')
      .replace('name: payments, port: 80', 'name: payments, port: 80, weight: 90')
      .replace('backendRefs: [', 'backendRefs: [{ name: canary, port: 80, weight: 10 }, ');
    east.resource('route.yaml', split);
    await until('500');
    const exported = exportedService('canary', canary.port);
    const [service, , slice] = exported.split('---');
    east.resource('canary.yaml', `${service}---${slice}`);
    await until('canary');
    const shares: Record<string, number> = {};
    for (let sent = 0; sent < 200; sent++) {
      const one = await pod();
      shares[one] = (shares[one] ?? 0) + 1;
    }
    assert.deepEqual(shares, { payments: 180, canary: 20 });
    assert.equal((await ask(east.ports.http, '/', 'canary.shop')).status, 404);
    const metrics = await ask(east.ports.gatewayAdmin, '/metrics');
    assert.match(metrics.body, /isthmus_requests_total\{[^}]*destination_service="canary"/);
    const list = await isthmus(owner, ['service', 'list', '--dir', east.dir]);
    assert.match(list.stdout, /^shop\/canary +- \(backend of a route\) +- +80\/http +east 1\/1$/m);
    const admin = `127.0.0.1:${east.ports.gatewayAdmin}`;
    const why = await isthmus(owner, ['why', 'shop/canary', '--admin', admin]);
    assert.match(why.stdout, /^Nobody exports it: only rules of other services lead to it/m);
    const state = JSON.parse((await ask(east.ports.federationAdmin, '/state')).body);
    assert.equal(state.store.exportedServices, 3, 'peers are told nothing of it');
    east.resource('canary.yaml', '');
    await until('500');
    east.resource('route.yaml', routeTo('green'));
    await until('green');
  });

  it('of another namespace leads to a Service only once it is exported', async () => {
    const canary = await Http1Backend.start(owner, 'canary');
    const exported = exportedService('canary', canary.port);
    const [service, , slice] = exported.split('---');
    const far = routeTo('canary')
      .replace('name: payments, namespace: shop', 'name: far, namespace: far')
      .replace('name: payments }', 'name: payments, namespace: shop }')
      .replace('name: canary,', 'name: canary, namespace: shop,');
    east.resource('canary.yaml', `${service}---${slice}`);
    east.resource('far.yaml', far);
    const untilRefused = async (wanted: boolean): Promise<void> => {
      const isRefused = async (): Promise<boolean> =>
        (await ask(east.ports.federationAdmin, '/state')).body.includes('(RefNotPermitted)');
      while ((await isRefused()) !== wanted) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await untilRefused(true);
    east.resource('canary.yaml', exported);
    await untilRefused(false);
    east.resource('canary.yaml', `${service}---${slice}`);
    await untilRefused(true);
    east.resource('far.yaml', '');
    east.resource('canary.yaml', '');
    await untilRefused(false);
  });

  it('that cannot be read changes nothing, and removed leaves the service as it was', async () => {
    east.resource('route.yaml', routeTo('blue').replace('/moved', 'moved'));
    east.resource(
      'blue-too.yaml',
      routeTo('blue').replace('name: payments, namespace', 'name: blue-too, namespace'),
    );
    // The younger route says the same as the one in force of `/`: that one, still to green, goes before it.
    await until('302', '/moved');
    assert.equal(await pod(), 'green');
    east.resource('route.yaml', '');
    await until('blue');
    east.resource('blue-too.yaml', '');
    await until('payments');
  });
});
