import { z } from 'zod';
import { type BackoffPolicy, backoffMs } from '../../../federation/runtime/backoff.ts';
import { SYSTEM_CLOCK } from '../../../federation/runtime/clock.ts';
import { pause, whenAborted } from '../../../federation/runtime/pause.ts';
import type { ReflectorClient } from '../reflector.ts';
import type { ResourceType } from '../resource-type.ts';

export interface FollowedObject {
  readonly client: ReflectorClient;
  readonly type: ResourceType;
  readonly namespace: string;
  readonly name: string;
  readonly signal: AbortSignal;
  readonly random: () => number;
  /** Told of the object first, and of each change; undefined = it is not there. Those that come meanwhile wait. */
  readonly changed: (object: unknown) => Promise<void> | void;
  /** Why nothing is heard; undefined when it is heard again. */
  readonly problem: (failure: unknown) => void;
}

/** One object of one pod: asking often costs the API server little, and a membership should not wait. */
const RETRY: BackoffPolicy = { baseMs: 500, maxMs: 10_000 };
/** Right after a watch's end the API server may be busy with everybody's. */
const PAUSE: BackoffPolicy = { baseMs: 100, maxMs: 100 };

const versioned = z.object({ metadata: z.object({ resourceVersion: z.string() }) });

/**
 * Follows one object by its name, for as long as the signal is not aborted: needs `list` and `watch` of that name
 * only. Resolves then.
 */
export async function followObject(options: FollowedObject): Promise<void> {
  const { client, signal, random, problem } = options;
  let attempt = 0;
  // What fails right after a return failed by the outage.
  const stop = client.onReturn(() => {
    attempt = 0;
  });
  while (!signal.aborted) {
    let delayMs = backoffMs(PAUSE, 0, random);
    try {
      await followOnce(options, () => {
        attempt = 0;
        problem(undefined);
      });
    } catch (failure) {
      if (signal.aborted) break;
      problem(failure);
      delayMs = backoffMs(RETRY, attempt, random);
      attempt += 1;
    }
    await pause(SYSTEM_CLOCK, delayMs, whenAborted(signal), (wake) => client.onReturn(wake));
  }
  stop();
}

/** Lists once, then watches until the API server ends that. */
async function followOnce(options: FollowedObject, heard: () => void): Promise<void> {
  const { client, type, namespace, name, signal, changed } = options;
  const selection = { namespace, fieldSelector: `metadata.name=${name}`, signal };
  let resourceVersion = '0';
  let object: unknown;
  for await (const page of client.list(type, selection)) {
    resourceVersion = page.resourceVersion;
    object = page.items[0] ?? object;
  }
  heard();
  await changed(object);
  for await (const event of client.watch(type, { ...selection, resourceVersion })) {
    if (event.type === 'BOOKMARK' || !versioned.safeParse(event.object).success) continue;
    await changed(event.type === 'DELETED' ? undefined : event.object);
  }
}
