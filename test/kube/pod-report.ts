import { z } from 'zod';

interface Cluster {
  kubectl(args: readonly string[]): Promise<string>;
}

const podList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), namespace: z.string() }),
      status: z.object({
        phase: z.string().optional(),
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
      }),
    }),
  ),
});

type Pod = z.output<typeof podList>['items'][number];

const LOG_LINES = 40;
const MOST_PODS = 6;

/** All pods in a table, then what Kubernetes and the programs themselves say of those that are not ready. */
export async function unreadyPods(cluster: Cluster): Promise<string> {
  const answer = await said(cluster, ['get', 'pods', '-A', '-o', 'json']);
  const parts = [await said(cluster, ['get', 'pods', '-A', '-o', 'wide'])];
  for (const { metadata } of podsOf(answer).filter(isUnready).slice(0, MOST_PODS)) {
    const { name, namespace } = metadata;
    const logs = ['logs', '-n', namespace, name, '--all-containers', '--prefix', `--tail=${LOG_LINES}`];
    parts.push(`--- pod ${namespace}/${name}`);
    parts.push(await said(cluster, ['describe', 'pod', '-n', namespace, name]));
    parts.push(await said(cluster, logs));
    // Of the containers that ended and were started again: why they ended.
    parts.push(await said(cluster, [...logs, '--previous']));
  }
  return parts.join('\n');
}

function podsOf(answer: string): readonly Pod[] {
  // An API that does not answer has no list; what it said instead is in the table's place.
  return answer.startsWith('{') ? podList.parse(JSON.parse(answer)).items : [];
}

function isUnready({ status }: Pod): boolean {
  if (status.phase === 'Succeeded') return false;
  return !status.conditions.some(({ type, status: value }) => type === 'Ready' && value === 'True');
}

/** A report of a failure must not fail: an error takes the answer's place. */
async function said(cluster: Cluster, args: readonly string[]): Promise<string> {
  return await cluster.kubectl(args).catch((error: unknown) => String(error));
}
