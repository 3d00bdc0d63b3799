import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { NAMESPACE } from './helm.ts';
import { InstalledChart, missingInstalledChart } from './installed-chart.ts';

/** No controllers here: a Job would never end. */
const COMMON = { uninstall: { cleanUp: false } };
const EAST = { ...COMMON, cluster: { name: 'east' } };
const OTHER_STORE = { redis: { urls: ['rediss://redis.example:6379'] } };
const FOUNDED = {
  cluster: 'east',
  clusterset: 'mesh.example',
  locality: { region: 'eu', zone: 'eu-a' },
  trustHome: true,
  gateways: ['192.0.2.1:15443'],
  store: { kind: 'redis', urls: ['rediss://192.0.2.1:31637'] },
  storeAdmin: 'isthmus-admin',
};

describe('an upgrade of a member', { skip: missingInstalledChart() }, () => {
  const suite = InstalledChart.forSuite();
  let chart: InstalledChart;

  before(async () => {
    ({ chart } = suite);
    chart.bring(EAST);
  });

  const member = (file: object): void => {
    const metadata = { name: 'isthmus-membership', namespace: NAMESPACE };
    const stringData = { 'cluster.yaml': stringify(file) };
    chart.apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData });
  };
  const leave = (): void => {
    chart.kubectl(['delete', 'secret', 'isthmus-membership']);
  };
  const refused = (values: object, told: RegExp): void => {
    const { code, stderr } = chart.tryToBring(values);
    assert.notEqual(code, 0, 'taken');
    assert.match(stderr, told);
  };

  it('cannot rename it, and says what to do instead', () => {
    const west = { ...EAST, cluster: { name: 'west' } };
    member(FOUNDED);
    refused(
      west,
      /cluster\.name=west: this cluster is a member of mesh\.example as east \(Secret isthmus-system/,
    );
    refused(west, /--set cluster\.name=east\n.*\n {2}isthmus cluster leave --context CONTEXT-OF-EAST\n/);
    chart.bring(EAST);
    leave();
    chart.bring(west);
    chart.bring(EAST);
  });

  for (const name of ['on', 'no']) {
    it(`is known by its name also where Helm's YAML takes that for a truth value: ${name}`, () => {
      const named = ['--set-string', `cluster.name=${name}`];
      chart.bring(EAST, ...named);
      member({ ...FOUNDED, cluster: name, storeAdmin: name });
      chart.bring(EAST, ...named);
      refused(EAST, new RegExp(`is a member of mesh\\.example as ${name} `));
      leave();
      chart.bring(EAST);
    });
  }

  it('cannot take the try-out store away that the clusterset was founded with', () => {
    member(FOUNDED);
    const told = /would remove the try-out store .*Deployment isthmus-system\/isthmus-redis.*mesh\.example/;
    refused(
      { ...EAST, store: { tryout: { enabled: false } } },
      /store\.tryout\.enabled is false, which would/,
    );
    refused({ ...EAST, store: OTHER_STORE }, /store\.redis\.urls is set, which would/);
    refused({ ...EAST, store: OTHER_STORE }, told);
    chart.bring({ ...EAST, store: { tryout: { enabled: true } } });
    leave();
    chart.bring({ ...EAST, store: OTHER_STORE });
    chart.bring(EAST);
  });

  it('can take it away where the clusterset has another', () => {
    const joined = { ...FOUNDED, trustHome: false, storeAdmin: undefined };
    const founded = { ...FOUNDED, storeAdmin: 'operator' };
    for (const file of [joined, founded]) {
      member(file);
      chart.bring({ ...EAST, store: { tryout: { enabled: false } } });
      leave();
      chart.bring(EAST);
    }
  });
});

describe('an upgrade with an autoscaler', { skip: missingInstalledChart() }, () => {
  const suite = InstalledChart.forSuite();
  let chart: InstalledChart;

  before(async () => {
    ({ chart } = suite);
  });

  const replicas = (): string =>
    chart.kubectl(['get', 'deployment', 'isthmus-gateway', '--output=jsonpath={.spec.replicas}']);
  /** As its controller does: by the subresource. */
  const scale = (count: number): void => {
    chart.kubectl(['scale', 'deployment', 'isthmus-gateway', `--replicas=${count}`]);
  };
  const scaled = (values: object = {}): object => ({
    ...EAST,
    gateway: { autoscaling: { enabled: true, ...values } },
  });

  // As Helm 4 does by itself, and as Helm 3 did.
  for (const flag of ['--server-side=true', '--server-side=false']) {
    it(`keeps as many gateways as there are, from the first on (${flag})`, () => {
      chart.bring({ ...EAST, gateway: { replicas: 5 } }, flag);
      assert.equal(replicas(), '5');
      chart.bring(scaled(), flag);
      assert.equal(replicas(), '5', 'when it is switched on');
      for (const count of [7, 3]) {
        scale(count);
        chart.bring(scaled({ targetCpuPercent: 60 + count }), flag);
        assert.equal(replicas(), `${count}`, 'what it chose');
      }
      chart.uninstall();
    });
  }

  it('can be taken back, whatever the autoscaler chose since', () => {
    chart.bring(scaled());
    scale(3);
    chart.bring(scaled({ targetCpuPercent: 61 }));
    scale(7);
    chart.bring(scaled({ targetCpuPercent: 62 }));
    for (const revision of [2, 1]) {
      chart.rollback(revision);
      assert.equal(replicas(), '7');
    }
    chart.uninstall();
  });
});
