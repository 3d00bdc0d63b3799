import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Lifetime } from '../../federation/runtime/lifetime.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';

const PROGRAM = join(import.meta.dirname, 'load', 'delay-relay-process.ts');

/** What the relay lets through in each direction: 100 Mbit/s. */
export const RELAY_BYTES_PER_SECOND = 12_500_000;

/** A wire with a round-trip time and a rate, as a process of its own. It ends TCP at both ends: what it tests is ours. */
export class DelayRelay {
  readonly port: number;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, port: number) {
    this.#process = process;
    this.port = port;
  }

  static async start(lifetime: Lifetime, targetPort: number): Promise<DelayRelay> {
    const port = await freePort();
    const child = fork(PROGRAM, [String(port), String(targetPort), String(RELAY_BYTES_PER_SECOND)]);
    const exited = once(child, 'exit');
    lifetime.add(async () => {
      child.kill('SIGKILL');
      await exited;
    });
    await once(child, 'message');
    return new DelayRelay(child, port);
  }

  /** Half of it is spent in each direction. Holds for what comes in from now on. */
  setRtt(rttMs: number): void {
    this.#process.send({ rttMs });
  }
}
