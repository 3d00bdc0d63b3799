import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import type { IsthmusProcess } from '../fixtures/isthmus-process.ts';
import { podPort } from '../fixtures/pod-port.ts';
import { findTool, missingTools } from '../fixtures/requirement.ts';
import { ask, exportedService, RunningCluster, startStore } from '../fixtures/running-cluster.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { PrometheusServer } from './prometheus-server.ts';
import { ALERTS, alertQueries, panelQueries } from './queries.ts';

/** Panels that have nothing to show while nothing goes wrong and nothing is opaque. */
const SILENT = [
  /Refused by gateways$/,
  /Refused by federation$/,
  /Opaque connections$/,
  /By status$/,
  /By flag$/,
  /Failed share by service$/,
  /Sent elsewhere$/,
  /Tried again$/,
  /Hosts put out$/,
  /Clusters that got their full share back$/,
];

describe('queries, asked of a Prometheus that scraped two running clusters', {
  skip: missingTools('prometheus'),
}, () => {
  const lifetime = new Lifetime();
  const owner = { after: (end: () => void | Promise<void>) => lifetime.add(end) };
  const folder = tempFolder(owner);
  const services: IsthmusProcess[] = [];
  let prometheus: PrometheusServer;
  after(() => lifetime.close());

  before(async () => {
    const store = await startStore(owner);
    const east = await RunningCluster.plan(owner, folder, 'east');
    const west = await RunningCluster.plan(owner, folder, 'west');
    await east.init(store.url);
    services.push((await east.start()).federation);
    const joined = await west.join(await east.invite('west'));
    assert.equal(joined.code, 0, joined.stderr);
    const pod = createServer((_request, response) => response.end('hello'));
    west.resource('web.yaml', exportedService('web', await podPort(owner, pod)));
    services.push((await west.start()).federation);
    // Before anything is counted: what fails while trunks come up is no error that an alert should be quiet about.
    while ((await request(east)) !== 200) await sleep(50);
    prometheus = await PrometheusServer.start(owner, {
      program: findTool('prometheus') ?? '',
      folder: join(folder, 'prometheus'),
      jobs: [east, west].map(({ name, ports }) => ({
        name,
        ports: [ports.gatewayAdmin, ports.federationAdmin],
      })),
      rules: ALERTS,
    });
    await traffic(east, prometheus);
  });

  for (const { where, expression } of panelQueries()) {
    it(`${where}: has something to show`, async () => {
      if (SILENT.some((silent) => silent.test(where))) await prometheus.count(expression);
      else await prometheus.until(expression);
    });
  }

  for (const { where, expression } of alertQueries()) {
    it(`${where}: is quiet`, async () => {
      // A scrape that came late makes a program absent for a moment, and no figure of it wrong.
      const isOfAbsence = expression.includes(' unless ');
      const count = await (isOfAbsence ? prometheus.countAbsent(expression) : prometheus.count(expression));
      assert.equal(count, 0);
    });
  }

  it('IsthmusFederationDown: speaks when none runs any more', async () => {
    const found = alertQueries().find(({ where }) => where.includes('IsthmusFederationDown'));
    assert.ok(found !== undefined);
    await Promise.all(services.map((one) => one.stop()));
    await prometheus.until(found.expression);
  });
});

async function request(east: RunningCluster): Promise<number> {
  return (await ask(east.ports.http, '/', 'web.shop.svc.clusterset.local')).status;
}

/** Requests through two gateways until Prometheus has rates of them. */
async function traffic(east: RunningCluster, prometheus: PrometheusServer): Promise<void> {
  const rates = [
    'rate(isthmus_requests_total{source_cluster="east"}[1m]) > 0',
    'rate(isthmus_propagation_seconds_count[1m])',
    'isthmus_peer_last_seen_seconds{job="west"}',
    'isthmus_trunk_rtt_seconds',
  ];
  for (const expression of rates) {
    while ((await prometheus.count(expression)) === 0) await request(east);
  }
}

describe('alert rules', { skip: missingTools('promtool') }, () => {
  const promtool = findTool('promtool') ?? '';

  it('are what promtool takes', () => {
    execFileSync(promtool, ['check', 'rules', '--lint=all', '--lint-fatal', ALERTS], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  });

  it('speak when they should, and say which cluster or service', () => {
    const tests = join(import.meta.dirname, 'alerts.promtool.yaml');
    execFileSync(promtool, ['test', 'rules', tests], { encoding: 'utf8', stdio: 'pipe' });
  });
});
