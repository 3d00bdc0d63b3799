import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { ManualClock, SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { KubeApiServer, missingKubeApiServer } from '../../test/fixtures/kube-api-server.ts';
import { defineKind } from '../../test/fixtures/kube-definitions.ts';
import { KubeProtocolServer } from '../../test/fixtures/kube-protocol-server.ts';
import { eventually } from '../../test/fixtures/store-clusters.ts';
import { TcpRelay } from '../../test/fixtures/tcp-relay.ts';
import { KubeClient } from './kube-client.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';

const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps', namespaced: true };
type Data = { data?: Record<string, string> };

function configMap(name: string, value: string) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { value } };
}

/** Follows the ConfigMaps of the namespace `default`; `told` has every key that it was told of. */
function follow(
  t: TestContext,
  client: KubeClient,
  options: Partial<ReflectorOptions<string>> = {},
): { reflector: Reflector<string>; told: string[]; values: () => Record<string, string> } {
  const told: string[] = [];
  const reflector = new Reflector<string>({
    client,
    types: [CONFIG_MAPS],
    selection: { namespace: 'default' },
    clock: SYSTEM_CLOCK,
    random: Math.random,
    keep: (object) => (object as Data).data?.value,
    changed: (keys) => told.push(...keys),
    ...options,
  });
  t.after(() => reflector.close());
  return { reflector, told, values: () => Object.fromEntries(reflector.entries()) };
}

describe('a reflector of a real API server', { skip: missingKubeApiServer() }, () => {
  const suite = KubeApiServer.forSuite();

  it('lists, and then follows', async (t) => {
    const client = suite.server.client(t);
    await client.create(CONFIG_MAPS, configMap('a', '1'));
    await client.create(CONFIG_MAPS, { ...configMap('none', ''), data: {} });
    const { reflector, told, values } = follow(t, client);
    await reflector.ready;
    assert.deepEqual(values(), { 'default/a': '1' });
    await client.create(CONFIG_MAPS, configMap('b', '2'));
    await client.apply(CONFIG_MAPS, configMap('a', '3'));
    await eventually('it follows', () => values()['default/a'] === '3' && values()['default/b'] === '2');
    await client.delete(CONFIG_MAPS, { namespace: 'default', name: 'a' });
    await eventually('the deletion', () => values()['default/a'] === undefined);
    assert.deepEqual(told, ['default/a', 'default/b', 'default/a', 'default/a']);
    assert.equal(reflector.condition.value.kind, 'synced');
  });

  it('keeps what it knows while the API server is away, and goes on afterwards', async (t) => {
    const client = suite.server.client(t);
    await client.apply(CONFIG_MAPS, configMap('kept', '1'));
    const { reflector, told, values } = follow(t, client);
    await reflector.ready;
    told.length = 0;
    await suite.server.kill();
    await eventually('it is told of', () => reflector.condition.value.kind === 'failing');
    assert.equal(values()['default/kept'], '1');
    await suite.server.start();
    await client.apply(CONFIG_MAPS, configMap('kept', '2'));
    await eventually('it goes on', () => values()['default/kept'] === '2', 60_000);
    await eventually('that too is told', () => reflector.condition.value.kind === 'synced');
    assert.deepEqual(told, ['default/kept']);
  });

  it('learns by a new listing what happened in a past that etcd has forgotten', async (t) => {
    const client = suite.server.client(t);
    for (const name of ['stays', 'goes']) await client.apply(CONFIG_MAPS, configMap(name, '1'));
    const { reflector, told, values } = follow(t, client);
    await reflector.ready;
    told.length = 0;
    await suite.server.kill();
    const key = Buffer.from('/registry/configmaps/default/goes').toString('base64');
    await suite.server.etcd('kv/deleterange', { key });
    const { header } = (await suite.server.etcd('kv/range', { key })) as { header: { revision: string } };
    await suite.server.etcd('kv/compaction', { revision: header.revision, physical: true });
    await suite.server.start();
    await eventually(
      'the deletion',
      () => {
        assert.equal(values()['default/stays'], '1');
        return values()['default/goes'] === undefined;
      },
      60_000,
    );
    assert.deepEqual(told, ['default/goes']);
  });

  it('reads through a slow network, and over one that falls silent', async (t) => {
    const relay = await TcpRelay.start(t, suite.server.port, 100);
    await suite.server.client(t).apply(CONFIG_MAPS, configMap('slow', '1'));
    const { reflector, values } = follow(t, suite.server.client(t, suite.server.token, relay.port), {
      silenceMs: 2000,
    });
    await reflector.ready;
    assert.equal(values()['default/slow'], '1');
    await suite.server.client(t).apply(CONFIG_MAPS, configMap('slow', '2'));
    await eventually('it follows', () => values()['default/slow'] === '2');
    relay.freeze();
    await suite.server.client(t).apply(CONFIG_MAPS, configMap('slow', '3'));
    await eventually('it gives the watch up', () => reflector.state.kind === 'listing');
    assert.equal(values()['default/slow'], '2');
    relay.thaw();
    await eventually('it goes on', () => values()['default/slow'] === '3', 60_000);
  });

  it('is not ready, and says why, while it may not read; and looks again', async (t) => {
    const token = await suite.server.serviceAccountToken(t, 'default', 'reader');
    const clock = new ManualClock();
    const { reflector, values } = follow(t, suite.server.client(t, token), { clock });
    let ready = false;
    void reflector.ready.then(() => {
      ready = true;
    });
    await eventually('it is refused, more than once', () => {
      clock.advance(1000);
      return reflector.condition.value.kind === 'failing';
    });
    const told = reflector.condition.value;
    assert.ok(
      told.kind === 'failing' &&
        told.because === 'refused' &&
        /cannot list resource "configmaps"/.test(told.message),
    );
    assert.equal(ready, false);
    await allow(suite.server, t, 'reader');
    // A try under way may be refused yet, and the next wait begins after that.
    await eventually('it is ready', () => {
      clock.advance(45_000);
      return ready;
    });
    assert.equal(values()['default/slow'], '3');
  });

  it('is ready without a kind that is not there, and takes it when it comes, in the version that is served', async (t) => {
    const clock = new ManualClock();
    const type = { group: 'test.isthmus.io', version: 'v2', plural: 'things', namespaced: true };
    const { reflector, values } = follow(t, suite.server.client(t), {
      clock,
      types: [type, { ...type, version: 'v1' }],
    });
    await reflector.ready;
    assert.equal(reflector.condition.value.kind, 'missing');
    const client = suite.server.client(t);
    const served = { ...type, version: 'v1' };
    await defineKind(client, 'Thing', served);
    await client.create(served, {
      ...configMap('thing', '1'),
      apiVersion: 'test.isthmus.io/v1',
      kind: 'Thing',
    });
    await eventually('it is seen', () => {
      clock.advance(45_000);
      return values()['default/thing'] === '1';
    });
    assert.equal(reflector.condition.value.kind, 'synced');
  });
});

async function allow(server: KubeApiServer, t: TestContext, name: string): Promise<void> {
  const rbac = (plural: string) => ({
    group: 'rbac.authorization.k8s.io',
    version: 'v1',
    plural,
    namespaced: true,
  });
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const metadata = { name, namespace: 'default' };
  const client = server.client(t);
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] }];
  await client.create(rbac('roles'), { apiVersion, kind: 'Role', metadata, rules });
  const subjects = [{ kind: 'ServiceAccount', ...metadata }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
  await client.create(rbac('rolebindings'), { apiVersion, kind: 'RoleBinding', metadata, subjects, roleRef });
  // The authorizer follows the roles by a watch of its own.
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: { name: '' },
    spec: {
      user: `system:serviceaccount:default:${name}`,
      resourceAttributes: { namespace: 'default', verb: 'list', resource: 'configmaps' },
    },
  };
  const reviews = {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural: 'subjectaccessreviews',
    namespaced: false,
  };
  let allowed = false;
  while (!allowed) {
    const answer = (await client.create(reviews, body)) as { status: { allowed: boolean } };
    allowed = answer.status.allowed;
  }
}

describe('a reflector of a server that breaks off (no API server)', () => {
  const object = (name: string, resourceVersion: string) => {
    const { metadata, data } = configMap(name, resourceVersion);
    return { metadata: { ...metadata, resourceVersion }, data };
  };
  const page = (response: ServerResponse, rest: string | undefined, ...items: unknown[]): void => {
    response.end(JSON.stringify({ metadata: { resourceVersion: '9', continue: rest }, items }));
  };

  it('replaces what it knows only by a complete listing, and tells only the difference', async (t) => {
    const server = await KubeProtocolServer.start(t);
    const client = new KubeClient(server.credentials);
    t.after(() => client.close());
    let listings = 0;
    let end: (() => void) | undefined;
    server.answer = ({ path, query }, response) => {
      // Whether it is there at all is another question.
      if (path === '/readyz') response.end('ok');
      else if (query.has('watch')) {
        const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
        response.flushHeaders();
        end = () => response.end(`${JSON.stringify({ type: 'ERROR', object: gone })}\n`);
      } else if (query.get('continue') === 'second') {
        if (listings === 2) response.writeHead(500).end('broken');
        else
          page(
            response,
            undefined,
            ...(listings === 1 ? [object('b', '2'), object('c', '3')] : [object('c', '4')]),
          );
      } else {
        listings++;
        page(response, 'second', object('a', '1'));
      }
    };
    const { reflector, told, values } = follow(t, client, { random: () => 0.01 });
    await reflector.ready;
    assert.deepEqual(told.splice(0), ['default/a', 'default/b', 'default/c']);
    await eventually('it watches', () => end !== undefined);
    const before = values();
    end?.();
    await eventually('the second listing fails', () => {
      if (listings < 3) assert.deepEqual(values(), before);
      return listings === 3 && reflector.state.kind === 'watching';
    });
    assert.deepEqual(values(), { 'default/a': '1', 'default/c': '4' });
    assert.deepEqual(told, ['default/b', 'default/c']);
  });
});
