import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parse } from 'yaml';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { CHART, missingHelm, template } from './helm.ts';
import { describedValues, leaves, README, withValues } from './values-list.ts';

const EAST = { cluster: { name: 'east' } };

/** What a person may get wrong, and what they are told. */
const MISTAKES: readonly (readonly [values: object, told: RegExp])[] = [
  [{}, /cluster\.name is not set: .*--set cluster\.name=east/s],
  [{ cluster: { name: 'East_1' } }, /cluster\/name|cluster\.name/],
  [{ ...EAST, gatway: {} }, /gatway/],
  [{ ...EAST, gateway: { replicas: 'two' } }, /gateway\/replicas|gateway\.replicas/],
  [{ ...EAST, gateway: { httpPort: 70_000 } }, /httpPort/],
  [
    { ...EAST, gateway: { httpPort: 16_000 } },
    /gateway\.httpPort \(16000\) is among the ports of imported services/,
  ],
  [{ cluster: { name: 'admin' } }, /this cluster's user in the store would be isthmus-admin, which is/],
  [
    {
      cluster: { name: 'ops' },
      store: { redis: { urls: ['rediss://redis.example'], adminUser: 'isthmus-ops' } },
    },
    /user in the store would be isthmus-ops, which is/,
  ],
  [{ ...EAST, gateway: { servicePorts: { from: 9, to: 8 } } }, /gateway\.servicePorts\.from \(9\) is above/],
  [{ ...EAST, image: { tag: 'latest' } }, /image\/tag|image\.tag/],
  [{ ...EAST, image: { digest: 'sha256:0' } }, /digest/],
  [
    { ...EAST, store: { redis: { urls: ['rediss://user:secret@redis.example'] } } },
    /urls: one has a user or a password/,
  ],
  [
    { ...EAST, store: { redis: { urls: ['rediss://redis.example'] }, tryout: { enabled: true } } },
    /store\.redis\.urls and store\.tryout\.enabled exclude each other/,
  ],
  [{ ...EAST, store: { redis: { caKey: 'ca.crt' } } }, /set store\.redis\.existingSecret too/],
  [
    { ...EAST, store: { tryout: { service: { type: 'LoadBalancer' } } } },
    /store\.tryout\.advertise is not set/,
  ],
  [{ ...EAST, gateway: { service: { type: 'Ingress' } } }, /type/],
  [
    { ...EAST, gateway: { autoscaling: { enabled: true, minReplicas: 9, maxReplicas: 3 } } },
    /maxReplicas is below/,
  ],
  [
    { ...EAST, gateway: { autoscaling: { enabled: true }, resources: { requests: { cpu: null } } } },
    /needs gateway\.resources\.requests\.cpu/,
  ],
];

describe('values of the chart', { skip: missingHelm() }, () => {
  const folder = tempFolder({ after });

  for (const [values, told] of MISTAKES) {
    it(`are refused with a reason: ${JSON.stringify(values)}`, () => {
      const { code, stderr } = template(folder, values);
      assert.notEqual(code, 0, 'taken');
      assert.match(stderr, told);
      assert.ok(!stderr.includes('secret'), 'a password is repeated');
    });
  }

  it('let a cluster be named admin where that is nobody in the store', () => {
    const redis = { urls: ['rediss://redis.example'], adminUser: 'operator' };
    for (const store of [{ tryout: { enabled: false } }, { redis }]) {
      const { code, stderr } = template(folder, { cluster: { name: 'admin' }, store });
      assert.equal(code, 0, stderr);
    }
  });
});

describe('documents of the values', () => {
  const values: unknown = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'));

  it('describe each value', () => {
    const described = describedValues().map(({ path }) => path);
    assert.deepEqual([...described].sort(), [...leaves(values)].sort());
  });

  it('are current in the README', () => {
    const text = readFileSync(README, 'utf8');
    assert.equal(text, withValues(text), 'charts/isthmus/README.md is old: node test/chart/values-list.ts');
  });
});

describe('versions of the chart', () => {
  it('are that of the package', () => {
    const { version } = JSON.parse(readFileSync(join(CHART, '../../package.json'), 'utf8')) as {
      version: string;
    };
    const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as {
      version: string;
      appVersion: string;
    };
    assert.deepEqual([chart.version, chart.appVersion], [version, version]);
  });
});
