import assert from 'node:assert/strict';
import { it } from 'node:test';
import { unreadyPods } from './pod-report.ts';

function pod(name: string, phase: string, ready: 'True' | 'False'): unknown {
  return {
    metadata: { name, namespace: 'shop' },
    status: { phase, conditions: [{ type: 'Ready', status: ready }] },
  };
}

/** A kubectl that answers a list with these pods, and everything else with its own arguments. */
function clusterWith(pods: readonly unknown[], refusal?: string) {
  return {
    kubectl: async (args: readonly string[]): Promise<string> => {
      if (refusal !== undefined) throw new Error(refusal);
      return args.includes('json') ? JSON.stringify({ items: pods }) : args.join(' ');
    },
  };
}

it('unreadyPods lists all pods and asks only about those that are not ready', async () => {
  const pods = [
    pod('web', 'Running', 'True'),
    pod('job', 'Succeeded', 'False'),
    pod('cart', 'Pending', 'False'),
  ];
  const report = await unreadyPods(clusterWith(pods));
  assert.match(report, /^get pods -A -o wide/);
  assert.match(
    report,
    /--- pod shop\/cart\ndescribe pod -n shop cart\nlogs -n shop cart .*\nlogs .*--previous/,
  );
  assert.doesNotMatch(report, /shop\/web|shop\/job/);
});

it('unreadyPods of an API that does not answer is what kubectl said, not an error', async () => {
  assert.match(await unreadyPods(clusterWith([], 'connection refused')), /connection refused/);
});
