import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { deltaToBytes } from '../../federation/wire/delta-message.ts';
import { diffSnapshots } from '../../federation/wire/snapshot-delta.ts';
import { snapshotToBytes } from '../../federation/wire/snapshot-message.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { testSnapshot } from '../../test/fixtures/test-snapshot.ts';
import { workerLimits } from '../limits/limits-config.ts';
import { NO_FORWARDING } from '../pipeline/forwarding-config.ts';
import { createOperationLog } from '../telemetry/operation-log.ts';
import { GatewayWorker } from './gateway-worker.ts';
import type { WorkerMessage } from './messages.ts';

it('a worker says of each snapshot by its version whether it serves by it, also when it cannot be read', async (t) => {
  const said: WorkerMessage[] = [];
  const drained = Promise.withResolvers<void>();
  const first = testSnapshot({ cluster: 'east', peers: {}, bundles: new Map(), services: [] });
  const worker = new GatewayWorker({
    config: {
      local: first.local,
      sharedPorts: [],
      accessLog: { sample: 0, file: join(tempFolder(t), 'access.log') },
      limits: workerLimits.parse({}),
      forwarding: NO_FORWARDING,
      workers: 1,
      keepsTrunksWarm: false,
      followed: true,
      ticketSecret: Buffer.alloc(32),
    },
    clock: SYSTEM_CLOCK,
    random: Math.random,
    log: createOperationLog('test'),
    send: (message) => {
      said.push(message);
      if (message.kind === 'drained') drained.resolve();
    },
  });
  const answers = () =>
    said.flatMap((message) =>
      message.kind === 'applied' || message.kind === 'refused'
        ? [`${message.kind} ${message.epoch}/${message.version}`]
        : [],
    );
  const next = { ...first, version: first.version + 2 };
  const delta = diffSnapshots({ ...first, version: first.version + 1 }, next) ?? assert.fail();
  const { epoch } = first;
  worker.receive({ kind: 'snapshot', epoch, version: 7, bytes: Buffer.from('no snapshot') }, undefined);
  worker.receive(
    { kind: 'snapshot', epoch, version: first.version, bytes: snapshotToBytes(first) },
    undefined,
  );
  worker.receive({ kind: 'delta', epoch, version: next.version, bytes: deltaToBytes(delta) }, undefined);
  worker.receive({ kind: 'delta', epoch, version: 9, bytes: Buffer.from('no delta') }, undefined);
  const expected = [
    `refused ${epoch}/7`,
    `applied ${epoch}/${first.version}`,
    `refused ${epoch}/${next.version}`,
    `refused ${epoch}/9`,
  ];
  assert.deepEqual(answers(), expected);
  worker.receive({ kind: 'drain', graceMs: 10 }, undefined);
  await drained.promise;
});
