import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, it } from 'node:test';
import { WorkerChannel } from './worker-channel.ts';

describe('the channel of a worker', () => {
  it('says nothing of a message that comes after the end', async () => {
    const started: ChildProcess[] = [];
    const see = (message: unknown): void => {
      started.push((message as { process: ChildProcess }).process);
    };
    subscribe('child_process', see);
    const heard: string[] = [];
    const ended = Promise.withResolvers<void>();
    const channel = new WorkerChannel({
      message: ({ kind }) => heard.push(kind),
      ended: (reason) => {
        heard.push(reason);
        ended.resolve();
      },
    });
    unsubscribe('child_process', see);
    channel.kill();
    await ended.promise;
    const [process] = started;
    assert.ok(process !== undefined);
    process.emit('message', { kind: 'ready' });
    assert.deepEqual(heard, ['SIGKILL']);
  });
});
