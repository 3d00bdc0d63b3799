import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Exposition } from './exposition.ts';
import { MeterTable } from './meter-table.ts';
import { metricFamily } from './metric-family.ts';
import type { RequestFacts } from './request-facts.ts';
import { requestSamples } from './request-samples.ts';
import { RequestTelemetry } from './request-telemetry.ts';

const service = { namespace: 'shop', name: 'payments' };
const labels =
  'source_cluster="east",destination_cluster="west",destination_service="payments",destination_namespace="shop"';

function facts(meters: RequestFacts['meters'], change: Partial<RequestFacts> = {}): RequestFacts {
  return {
    meters,
    protocol: 'http2',
    sourceCluster: 'east',
    destinationCluster: 'west',
    status: 200,
    failure: undefined,
    marks: 0,
    durationMs: 3,
    requestBytes: 10,
    responseBytes: 100,
    startedAtMs: 0,
    method: 'GET',
    path: '/',
    authority: 'payments.shop',
    target: 'shop/payments:http',
    locality: undefined,
    endpoint: undefined,
    caller: undefined,
    callerByAddress: undefined,
    remoteAddress: undefined,
    upstreamTransportFailureReason: undefined,
    attempts: 1,
    accessFinding: undefined,
    requestId: undefined,
    ...change,
  };
}

/** A worker that logs nothing. */
function worker(): { table: MeterTable; telemetry: RequestTelemetry } {
  const table = new MeterTable();
  return {
    table,
    telemetry: new RequestTelemetry(table, { takes: () => false, write: () => assert.fail() }),
  };
}

describe('metrics of requests', () => {
  it('count outcomes, bytes and durations by pair, protocol and result', async () => {
    const { table, telemetry } = worker();
    const meters = table.service(service);
    telemetry.finished(facts(meters));
    telemetry.finished(facts(meters, { durationMs: 20_000 }));
    telemetry.finished(facts(meters, { durationMs: 60_000, status: 503, failure: 'noHealthyUpstream' }));
    telemetry.finished(facts(undefined, { status: 404, failure: 'noRoute', destinationCluster: undefined }));
    telemetry.redispatched(meters, 'east', 'west');
    telemetry.rejected('tls-handshake');
    const exposition = new Exposition();
    exposition.reported(1, requestSamples(table));
    const text = await exposition.text([]);
    for (const line of [
      `isthmus_requests_total{${labels},protocol="http2",code="200",flags="-"} 2`,
      `isthmus_requests_total{${labels},protocol="http2",code="503",flags="UH"} 1`,
      `isthmus_requests_total{source_cluster="east",destination_cluster="",destination_service="",destination_namespace="",protocol="http2",code="404",flags="NR"} 1`,
      `isthmus_request_duration_seconds_bucket{${labels},protocol="http2",le="0.0025"} 0`,
      `isthmus_request_duration_seconds_bucket{${labels},protocol="http2",le="0.005"} 1`,
      `isthmus_request_duration_seconds_bucket{${labels},protocol="http2",le="30"} 2`,
      `isthmus_request_duration_seconds_bucket{${labels},protocol="http2",le="+Inf"} 3`,
      `isthmus_request_duration_seconds_sum{${labels},protocol="http2"} 80.003`,
      `isthmus_request_duration_seconds_count{${labels},protocol="http2"} 3`,
      `isthmus_request_bytes_total{${labels}} 30`,
      `isthmus_response_bytes_total{${labels}} 300`,
      `isthmus_redispatches_total{${labels}} 1`,
      'isthmus_rejected_total{reason="tls-handshake"} 1',
      '# TYPE isthmus_request_duration_seconds histogram',
    ]) {
      assert.ok(text.split('\n').includes(line), `${line}\n---\n${text}`);
    }
  });

  it('keep a service’s counters over snapshots, and forget services that are gone', () => {
    const { table } = worker();
    const meters = table.service(service);
    table.keepOnly(new Map([['shop/payments', {}]]));
    assert.equal(table.service(service), meters);
    table.keepOnly(new Map());
    assert.notEqual(table.service(service), meters);
  });
});

describe('metrics of several processes', () => {
  const counter = (value: number) => {
    const family = metricFamily('rejected');
    family.values.push({ labels: { reason: 'memory' }, value });
    return family;
  };

  it('are summed, and what a worker had counted stays when it ends', async () => {
    const exposition = new Exposition();
    exposition.reported(1, [counter(2)]);
    exposition.reported(2, [counter(3)]);
    assert.match(await exposition.text([]), /isthmus_rejected_total\{reason="memory"\} 5\n/);
    exposition.ended(1);
    exposition.reported(3, [counter(10)]);
    assert.match(await exposition.text([]), /isthmus_rejected_total\{reason="memory"\} 15\n/);
    exposition.ended(3);
    exposition.ended(3);
    assert.match(await exposition.text([counter(100)]), /isthmus_rejected_total\{reason="memory"\} 115\n/);
  });

  it('do not keep the gauges of a worker that ended', async () => {
    const open = metricFamily('connectionsOpen');
    open.values.push({ labels: { listener: 'http' }, value: 7 });
    const exposition = new Exposition();
    exposition.reported(1, [open]);
    exposition.ended(1);
    assert.doesNotMatch(await exposition.text([]), /isthmus_connections_open/);
  });

  it('take the greatest where every process sees the same', async () => {
    const up = (value: number) => {
      const family = metricFamily('trunkUp', 'max');
      family.values.push({ labels: { cluster: 'west' }, value });
      return family;
    };
    const exposition = new Exposition();
    exposition.reported(1, [up(1)]);
    exposition.reported(2, [up(0)]);
    assert.match(await exposition.text([]), /isthmus_trunk_up\{cluster="west"\} 1\n/);
  });
});
