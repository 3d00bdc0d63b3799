import assert from 'node:assert/strict';
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { AccessLog, accessRecord } from './access-log.ts';
import type { RequestFacts } from './request-facts.ts';

const facts: RequestFacts = {
  meters: undefined,
  protocol: 'grpc',
  sourceCluster: 'east',
  destinationCluster: 'west',
  status: 503,
  failure: 'noHealthyUpstream',
  marks: 0,
  durationMs: 1.23456,
  requestBytes: 1,
  responseBytes: 2,
  startedAtMs: 1_700_000_000_000,
  method: 'POST',
  path: '/shop.Payments/Pay?token=secret',
  authority: 'payments.shop',
  target: 'shop/payments:grpc',
  locality: 'eu/eu-a',
  endpoint: undefined,
  upstreamTransportFailureReason: 'connect ECONNREFUSED 10.0.0.9:80',
  caller: 'spiffe://east.mesh.example/ns/shop/sa/cart',
  callerByAddress: undefined,
  remoteAddress: '10.0.0.1:5',
  accessFinding: 'audit: denied by rule 1 of shop/strict',
  attempts: 2,
  requestId: 'r1',
};

function linesOf(path: string): Record<string, unknown>[] {
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('the access log', () => {
  it('tells of a request what an operator asks for, and no query', () => {
    assert.deepEqual(accessRecord(facts), {
      log: 'access',
      time: '2023-11-14T22:13:20.000Z',
      protocol: 'grpc',
      method: 'POST',
      authority: 'payments.shop',
      path: '/shop.Payments/Pay',
      status: 503,
      flags: 'UH',
      service: 'shop/payments:grpc',
      sourceCluster: 'east',
      destinationCluster: 'west',
      locality: 'eu/eu-a',
      endpoint: undefined,
      upstreamTransportFailureReason: 'connect ECONNREFUSED 10.0.0.9:80',
      caller: 'spiffe://east.mesh.example/ns/shop/sa/cart',
      callerByAddress: undefined,
      remoteAddress: '10.0.0.1:5',
      requestBytes: 1,
      responseBytes: 2,
      durationMs: 1.235,
      attempts: 2,
      accessFinding: 'audit: denied by rule 1 of shop/strict',
      requestId: 'r1',
    });
  });

  it('takes the share that it was told to, spread evenly', () => {
    for (const [sample, expected] of [
      [0, 0],
      [0.01, 10],
      [0.25, 250],
      [1, 1000],
    ] as const) {
      const log = new AccessLog({ sample, file: '/dev/null' }, assert.fail);
      let taken = 0;
      for (let request = 0; request < 1000; request++) if (log.takes()) taken++;
      assert.ok(Math.abs(taken - expected) <= 1, `${sample}: ${taken}`);
    }
  });

  it('writes whole lines of JSON, none lost at the end', async (t) => {
    const file = join(tempFolder(t), 'logs/access.log');
    const log = new AccessLog({ sample: 1, file }, assert.fail);
    for (let request = 0; request < 500; request++) log.write({ ...facts, requestId: `"\n${request}` });
    await log.close();
    assert.deepEqual(
      linesOf(file).map(({ requestId }) => requestId),
      Array.from({ length: 500 }, (_, request) => `"\n${request}`),
    );
  });

  it('goes on in a new file when its file was moved away', async (t) => {
    const folder = tempFolder(t);
    const file = join(folder, 'access.log');
    const log = new AccessLog({ sample: 1, file }, assert.fail);
    log.write(facts);
    await log.flush();
    renameSync(file, join(folder, 'access.log.1'));
    await log.reopen();
    log.write(facts);
    await log.close();
    assert.equal(linesOf(join(folder, 'access.log.1')).length, 1);
    assert.equal(linesOf(file).length, 1);
  });

  it('can be told to begin a new file at any moment', async (t) => {
    const file = join(tempFolder(t), 'access.log');
    const log = new AccessLog({ sample: 1, file }, assert.fail);
    // Before its first file is open, and while another reopening is under way.
    await Promise.all([log.reopen(), log.reopen()]);
    log.write(facts);
    const reopened = [log.reopen()];
    for (let turn = 0; turn < 20; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      reopened.push(log.reopen());
    }
    await Promise.all(reopened);
    log.write(facts);
    await log.close();
    assert.equal(linesOf(file).length, 2);
  });
});
