import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { UserError } from '../federation/model/user-error.ts';
import { tempFolder } from '../test/fixtures/temp-folder.ts';
import { type GatewayConfig, loadGatewayConfig, loadGatewayFile } from './config.ts';

const smallest = `cluster: east
clusterset: mesh.example
locality: { region: eu, zone: eu-a }
listeners:
  http: { port: 15080 }
federation: { address: "127.0.0.1:15010", secretFile: secrets/gateway, bundleFile: /trust/bundle.json }
`;

async function load(t: TestContext, text: string): Promise<{ config: GatewayConfig; folder: string }> {
  const folder = tempFolder(t);
  writeFileSync(join(folder, 'gateway.yaml'), text);
  return { config: await loadGatewayConfig(join(folder, 'gateway.yaml')), folder };
}

const DEFAULT_LIMITS = {
  maxConnections: 20_000,
  maxActiveRequests: 20_000,
  maxHeldBytes: 64 * 1024 * 1024,
  handshakeTimeoutMs: 10_000,
  headerTimeoutMs: 10_000,
  idleTimeoutMs: 300_000,
  tcpIdleTimeoutMs: 3_600_000,
  flushTimeoutMs: 300_000,
  responseTimeoutMs: 60_000,
  podSilenceMs: 5_000,
  podPingTimeoutMs: 15_000,
  maxHeaderFields: 100,
  maxHeaderBytes: 61_440,
  http2: {
    maxConcurrentStreams: 250,
    headerTableBytes: 4096,
    maxContinuations: 8,
    maxEmptyDataFrames: 1,
    maxUnsentControlFrames: 1000,
    resets: { ratePerSecond: 33, burst: 1000 },
    pings: { ratePerSecond: 100, burst: 1000 },
    settings: { ratePerSecond: 10, burst: 100 },
    priorities: { ratePerSecond: 100, burst: 1000 },
    goAways: { ratePerSecond: 10, burst: 100 },
    windowUpdates: { ratePerSecond: 100, burst: 2000 },
    unknownFrames: { ratePerSecond: 100, burst: 1000 },
  },
  overload: {
    closeIdleAt: 0.85,
    refuseRequestsAt: 0.95,
    refuseConnectionsAt: 1,
    maxLoopDelayMs: 500,
    calmMs: 5000,
  },
};

describe('gateway.yaml', () => {
  it('needs little, and fills in the rest', async (t) => {
    const { config, folder } = await load(t, smallest);
    assert.deepEqual(config, {
      local: {
        name: 'east',
        clusterset: 'mesh.example',
        trustDomain: 'east.mesh.example',
        locality: { region: 'eu', zone: 'eu-a' },
      },
      stateFolder: join(folder, 'state/gateway'),
      workers: availableParallelism(),
      listeners: {
        http: { host: '0.0.0.0', port: 15080 },
        mesh: undefined,
        tlsPassthrough: undefined,
        servicesHost: undefined,
      },
      admin: { host: '127.0.0.1', port: 15021 },
      telemetry: undefined,
      control: {
        kind: 'federation',
        address: { host: '127.0.0.1', port: 15010 },
        issuerAddress: { host: '127.0.0.1', port: 15010 },
        secretFile: join(folder, 'secrets/gateway'),
        proof: 'secret',
        replicas: [],
        bundleFile: '/trust/bundle.json',
      },
      accessLog: { sample: 1, file: '-' },
      limits: DEFAULT_LIMITS,
      forwarding: { via: false, forwarded: 'remove', xForwarded: 'replace', requestId: 'keep' },
      drainDelayMs: 0,
      drainGraceMs: 30_000,
    });
  });

  it('needs no section for Kubernetes', async (t) => {
    const { folder, config } = await load(t, smallest);
    assert.deepEqual(await loadGatewayFile(join(folder, 'gateway.yaml')), { kind: 'folder', config });
  });

  it('takes files in place of a federation service, and a unix socket for the admin endpoint', async (t) => {
    const text = smallest
      .replace(/federation: .*/, 'static: { snapshotFile: s.json, certificateFile: c.pem, keyFile: c.key }')
      .concat(
        'admin: { socket: admin.sock }\nlimits: { maxConnections: 5 }\naccessLog: { file: access.log }\n',
      );
    const { config, folder } = await load(t, text);
    assert.deepEqual(config.control, {
      kind: 'static',
      snapshotFile: join(folder, 's.json'),
      certificateFile: join(folder, 'c.pem'),
      keyFile: join(folder, 'c.key'),
    });
    assert.deepEqual(config.admin, { socket: join(folder, 'admin.sock') });
    assert.deepEqual(config.accessLog, { sample: 1, file: join(folder, 'access.log') });
    assert.equal(config.limits.maxConnections, 5);
    assert.equal(config.limits.idleTimeoutMs, 300_000);
  });

  const mistakes: readonly (readonly [string, (text: string) => string, RegExp])[] = [
    [
      'a port out of range',
      (text) => text.replace('15080', '70000'),
      /gateway\.yaml:5: listeners\.http\.port/,
    ],
    [
      'a cluster that is no label',
      (text) => text.replace('east', 'East'),
      /:1: cluster: must be a DNS label/,
    ],
    [
      'an address without a port',
      (text) => text.replace(':15010', ''),
      /:6: federation\.address: must be HOST:PORT/,
    ],
    [
      'neither listener',
      (text) => text.replace('http:', '# http:').replace('listeners:', 'listeners: {}'),
      /:4: listeners: needs http, mesh, or both/,
    ],
    [
      'no way to a snapshot',
      (text) => text.replace(/federation: .*/, ''),
      /needs either federation or static/,
    ],
    [
      'an admin endpoint for everyone',
      (text) => `${text}admin: { host: 0.0.0.0, port: 1 }\n`,
      /:7: admin\.host: must be a loopback address/,
    ],
    [
      'an unknown key deep inside',
      (text) => `${text}limits:\n  maxConection: 4\n`,
      /:8: limits\.maxConection: unknown key/,
    ],
    [
      'a limit that would let too much in',
      (text) => `${text}limits:\n  http2:\n    resets: { burst: 9999999 }\n`,
      /:9: limits\.http2\.resets\.burst/,
    ],
    [
      'stages of overload in the wrong order',
      (text) => `${text}limits:\n  overload: { closeIdleAt: 1.5 }\n`,
      /:8: limits\.overload: closeIdleAt/,
    ],
    [
      'headers larger than a trunk takes',
      (text) => `${text}limits: { maxHeaderBytes: 100000 }\n`,
      /:7: limits\.maxHeaderBytes/,
    ],
    [
      'a way of forwarding that nobody has',
      (text) => `${text}forwarding: { xForwarded: trust }\n`,
      /:7: forwarding\.xForwarded/,
    ],
    ['a share above one', (text) => `${text}accessLog: { sample: 2 }\n`, /:7: accessLog\.sample/],
    ['a time beyond any timer', (text) => `${text}drainGraceMs: 9999999999\n`, /:7: drainGraceMs/],
    ['a broken document', (text) => `${text}admin: [\n`, /gateway\.yaml:\d+: /],
  ];
  for (const [what, change, message] of mistakes) {
    it(`refuses ${what}, naming the line`, async (t) => {
      await assert.rejects(load(t, change(smallest)), (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, message);
        return true;
      });
    });
  }
});

describe('gateway.yaml in Kubernetes', () => {
  const small = `cluster: east
listeners: { mesh: { port: 15443 } }
federation: { address: "isthmus-federation:15010", issuerAddress: "isthmus-federation:15013" }
kubernetes: {}
`;
  async function load(t: TestContext, text: string) {
    const path = join(tempFolder(t), 'gateway.yaml');
    writeFileSync(path, text);
    return loadGatewayFile(path);
  }

  it('needs a name, listeners, the federation service and the section', async (t) => {
    const file = await load(t, small);
    assert.ok(file.kind === 'kubernetes');
    assert.deepEqual(file.config.kubernetes, {
      namespace: undefined,
      context: undefined,
      kubeconfig: undefined,
      clustersetConfigMap: 'isthmus-clusterset',
    });
    assert.deepEqual(file.config.federation, {
      address: { host: 'isthmus-federation', port: 15_010 },
      issuerAddress: { host: 'isthmus-federation', port: 15_013 },
      replicas: [],
      tokenFile: '/var/run/secrets/isthmus/token',
    });
  });

  for (const line of ['clusterset: mesh.example', 'locality: { region: eu, zone: eu-a }', 'static: {}']) {
    it(`takes no ${line}`, async (t) => {
      await assert.rejects(load(t, `${small}${line}\n`), {
        name: 'UserError',
        message: /:5: \w+: unknown key/,
      });
    });
  }
});
