import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { loadFederationConfig } from '../../federation/config.ts';
import { loadGatewayConfig } from '../../gateway/config.ts';
import { isthmus } from '../fixtures/isthmus-process.ts';
import { RedisServer } from '../fixtures/redis-server.ts';
import { missingTools } from '../fixtures/requirement.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const STACK = /^ {4}at /m;
const PLACE = ['--clusterset', 'mesh.example', '--region', 'eu', '--zone', 'eu-a'];
const MEMORY = ['--store', 'memory://127.0.0.1:15990'];

/** Every file below a folder, with its mode and content. */
function filesOf(folder: string): { path: string; mode: number; text: string }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({
      path: path.slice(folder.length + 1),
      mode: statSync(path).mode & 0o777,
      text: readFileSync(path, 'utf8'),
    }));
}

describe('isthmus cluster init', () => {
  it('writes what both programs read, as it was told', async (t) => {
    const dir = join(tempFolder(t), 'east');
    const { code, stderr } = await isthmus(t, [
      ...['cluster', 'init', 'east', '--dir', dir, ...PLACE, ...MEMORY],
      ...[
        '--listen-http',
        '127.0.0.2:1080',
        '--listen-mesh',
        '0.0.0.0:1443',
        '--advertise',
        'east.example:443',
      ],
      ...['--listen-gateway-admin', '127.0.0.1:1021', '--listen-federation', '127.0.0.1:1010'],
      ...['--listen-issuer', '127.0.0.1:1012', '--listen-federation-admin', '127.0.0.1:1011'],
      ...['--services-host', '127.0.0.3', '--service-ports', '20000-20009', '--workers', '3'],
      ...['--access-log-sample', '0.25'],
    ]);
    assert.equal(code, 0, stderr);
    const gateway = await loadGatewayConfig(join(dir, 'gateway.yaml'));
    const local = {
      name: 'east',
      clusterset: 'mesh.example',
      trustDomain: 'east.mesh.example',
      locality: { region: 'eu', zone: 'eu-a' },
    };
    assert.deepEqual(gateway.local, local);
    assert.deepEqual(gateway.listeners, {
      http: { host: '127.0.0.2', port: 1080 },
      mesh: { host: '0.0.0.0', port: 1443 },
      servicesHost: '127.0.0.3',
      tlsPassthrough: undefined,
    });
    assert.deepEqual(gateway.admin, { host: '127.0.0.1', port: 1021 });
    assert.deepEqual([gateway.workers, gateway.accessLog.sample], [3, 0.25]);
    assert.deepEqual(gateway.control, {
      kind: 'federation',
      address: { host: '127.0.0.1', port: 1010 },
      issuerAddress: { host: '127.0.0.1', port: 1012 },
      replicas: [],
      secretFile: join(dir, 'secrets/gateway-secret'),
      proof: 'secret',
      bundleFile: join(dir, 'trust/bundle.json'),
    });
    const federation = await loadFederationConfig(join(dir, 'federation.yaml'));
    assert.deepEqual(federation.local, local);
    assert.deepEqual(federation.gateways, [{ host: 'east.example', port: 443 }]);
    assert.deepEqual(federation.listen, { host: '127.0.0.1', port: 1010 });
    assert.deepEqual(federation.issuer, { host: '127.0.0.1', port: 1012 });
    assert.deepEqual(federation.admin, { host: '127.0.0.1', port: 1011 });
    assert.deepEqual(federation.servicePorts, { from: 20_000, to: 20_009 });
    assert.deepEqual(federation.store, { kind: 'memory', address: { host: '127.0.0.1', port: 15_990 } });
    assert.equal(federation.gatewaySecretFile, join(dir, 'secrets/gateway-secret'));
  });

  it('keeps keys and secrets to itself', async (t) => {
    const dir = join(tempFolder(t), 'east');
    const { stdout, stderr } = await isthmus(t, [
      'cluster',
      'init',
      'east',
      '--dir',
      dir,
      ...PLACE,
      ...MEMORY,
    ]);
    const secrets = filesOf(dir).filter(({ path }) => path.endsWith('.key') || path.startsWith('secrets/'));
    assert.deepEqual(
      secrets.map(({ path, mode }) => [path, mode]),
      [
        ['secrets/gateway-secret', 0o600],
        ['trust/intermediate.key', 0o600],
        ['trust/root.key', 0o600],
      ],
    );
    for (const { text } of secrets) {
      const [longest = ''] = text.split('\n').sort((left, right) => right.length - left.length);
      assert.ok(longest.length > 40 && !`${stdout}${stderr}`.includes(longest));
    }
    assert.match(stdout, /^✔ east founded the clusterset mesh\.example/);
    assert.match(stderr, /^warning: peers are told to reach this cluster at 127\.0\.0\.1:15443/);
  });

  it('does not touch a folder that is a cluster already', async (t) => {
    const dir = tempFolder(t);
    const init = ['cluster', 'init', 'east', '--dir', dir, ...PLACE, ...MEMORY];
    assert.equal((await isthmus(t, init)).code, 0);
    const before = filesOf(dir);
    const { code, stdout, stderr } = await isthmus(t, init);
    assert.deepEqual([code, stdout], [1, '']);
    assert.equal(stderr.split('\n')[0], `error: ${dir} already is a cluster's folder`);
    assert.deepEqual(filesOf(dir), before);
  });

  it('says its result as JSON or YAML', async (t) => {
    const dir = tempFolder(t);
    const init = ['cluster', 'init', 'east', ...PLACE, ...MEMORY];
    const results = await Promise.all(
      ['json', 'yaml'].map((format) => isthmus(t, [...init, '--output', format, '--dir', join(dir, format)])),
    );
    const [json, yaml] = results.map(({ stdout }) => parse(stdout) as Record<string, unknown>);
    assert.equal(json?.trustDomain, 'east.mesh.example');
    assert.deepEqual({ ...yaml, folder: '' }, { ...json, folder: '' });
  });
});

describe('isthmus cluster, told something wrong,', () => {
  const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['without a name', ['init', ...PLACE, ...MEMORY], /^error: missing required argument 'name'/],
    [
      'without a region',
      ['init', 'east', ...MEMORY, '--clusterset', 'a.b'],
      /^error: required option '--region/,
    ],
    [
      'with a bad name',
      ['init', 'East', ...PLACE, ...MEMORY],
      /^error: cluster name "East" is not a DNS label/,
    ],
    [
      'with a bad clusterset',
      ['init', 'east', ...PLACE.slice(2), ...MEMORY, '--clusterset', 'Mesh'],
      /^error: clusterset "Mesh": trust domain/,
    ],
    [
      'with a password in a URL',
      ['init', 'east', ...PLACE, '--store', 'redis://:hunter2@a'],
      /^error: --store .* has a password in it/,
    ],
    [
      'without a token',
      ['join', ...PLACE.slice(2)],
      /^error: there is no token\nhint: give it with --token-file/,
    ],
    [
      'with two tokens',
      ['join', 'a', '--token-file', 'b', ...PLACE.slice(2)],
      /^error: there are two tokens/,
    ],
    ['with no token at all', ['join', 'hello', ...PLACE.slice(2)], /^error: this is not a join token/],
    [
      'with an unknown format',
      ['list', '--output', 'xml'],
      /^error: option '--output <format>' argument 'xml'/,
    ],
    ['with a bad time', ['invite', 'west', '--ttl', '1y'], /^error: --ttl 1y: is not a duration/],
    ['with an unknown command', ['jion'], /^error: unknown command 'jion'\n\(Did you mean join\?\)/],
  ];
  for (const [what, args, message] of wrong) {
    it(`${what} ends with 2 and a hint`, async (t) => {
      const { code, stdout, stderr } = await isthmus(t, ['cluster', ...args], { cwd: tempFolder(t) });
      assert.match(stderr, message);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, /\nhint: /);
      assert.ok(!STACK.test(stderr) && !stderr.includes('hunter2'));
    });
  }

  it('names a folder that is no cluster, and what to do', async (t) => {
    const dir = tempFolder(t);
    for (const name of ['list', 'status', 'leave']) {
      const { code, stderr } = await isthmus(t, ['cluster', name, '--dir', dir]);
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^error: \S+ is not a cluster's folder: it has no cluster\.yaml\nhint: make one with/,
      );
    }
    const check = await isthmus(t, ['cluster', 'check', '--dir', dir]);
    assert.equal(check.code, 3);
    assert.match(check.stdout, /^✖ folder: \S+ is not a cluster's folder.*\n {4}→ make one with/);
  });
});

describe('isthmus cluster with Redis', { skip: missingTools('redis-server') }, () => {
  const PASSWORD = 'admin-password';

  it('makes a user for each cluster, whose password is in its folder only', async (t) => {
    const folder = tempFolder(t);
    const redis = await RedisServer.start(t, {
      acl: `user default on >${PASSWORD} ~* &* +@all`,
      password: PASSWORD,
    });
    writeFileSync(join(folder, 'admin'), `${PASSWORD}\n`);
    const dir = join(folder, 'east');
    const store = ['--store', redis.url, '--store-admin-password-file', join(folder, 'admin')];
    const made = await isthmus(t, [
      'cluster',
      'init',
      'east',
      '--dir',
      dir,
      ...PLACE,
      ...store,
      '--output',
      'json',
    ]);
    assert.equal(made.code, 0, made.stderr);
    assert.equal((JSON.parse(made.stdout) as { storeUser: string }).storeUser, 'aclfile');
    const invited = await isthmus(t, ['cluster', 'invite', 'west', '--dir', dir, '--output', 'json']);
    assert.equal(invited.code, 0, invited.stderr);
    const acl = readFileSync(join(redis.folder, 'users.acl'), 'utf8');
    assert.match(acl, /^user isthmus-east on /m);
    assert.match(acl, /^user isthmus-west on /m);
    const password = readFileSync(join(dir, 'secrets/store-password'), 'utf8').trim();
    const said = [made, invited].map(({ stdout, stderr }) => stdout + stderr).join('');
    assert.ok(!said.includes(password) && !said.includes(PASSWORD) && !acl.includes(password));
    const { store: configured } = await loadFederationConfig(join(dir, 'federation.yaml'));
    assert.ok(configured.kind === 'redis');
    assert.deepEqual([configured.urls, configured.username], [[redis.url], 'isthmus-east']);
    const check = await isthmus(t, ['cluster', 'check', '--dir', dir]);
    assert.match(check.stdout, /^✔ store: answers, and lets this cluster publish and read$/m);
  });

  it('warns of a user that a restart of Redis would forget', async (t) => {
    const redis = await RedisServer.start(t, { configFile: false, password: PASSWORD });
    const dir = join(tempFolder(t), 'east');
    const init = ['cluster', 'init', 'east', '--dir', dir, ...PLACE, '--store', redis.url];
    const env = { ISTHMUS_STORE_ADMIN_PASSWORD: PASSWORD };
    const { code, stderr } = await isthmus(t, init, { env });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^warning: Redis keeps the user of east in memory only/m);
  });

  it('refuses a wrong password before anything is written', async (t) => {
    const redis = await RedisServer.start(t, { password: PASSWORD });
    const dir = join(tempFolder(t), 'east');
    const env = { ISTHMUS_STORE_ADMIN_PASSWORD: 'wrong-password' };
    const { code, stderr } = await isthmus(
      t,
      ['cluster', 'init', 'east', '--dir', dir, ...PLACE, '--store', redis.url],
      { env },
    );
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^error: .*127\\.0\\.0\\.1:${redis.port}`));
    assert.match(stderr, /\nhint: /);
    assert.ok(!STACK.test(stderr) && !stderr.includes('wrong-password'));
    assert.deepEqual(filesOf(dir), []);
  });
});
