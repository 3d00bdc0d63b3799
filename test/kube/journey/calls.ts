import type { KubeCluster } from '../kube-cluster.ts';

export const WEB_URL = 'http://web.default.svc.clusterset.local/';

/**
 * What a pod `client` gets by the name of the clusterset, with nothing but wget. Not by wget's own -T: Debian's busybox
 * 1.35 crashes on it together with -q.
 */
export async function wget(cluster: KubeCluster, url = WEB_URL, namespace = 'default'): Promise<string> {
  const command = ['timeout', '5', 'wget', '-q', '-O', '-', url];
  return await cluster.kubectl(['exec', '-n', namespace, 'client', '--', ...command]);
}

/**
 * Which versions answer so many requests to `web`, one after the other, each over a connection of its own: how often each
 * Deployment does, by its name, all of them in west.
 */
export async function tally(cluster: KubeCluster, requests: number): Promise<Record<string, number>> {
  const loop = `for i in $(seq ${requests}); do timeout 5 wget -q -O - ${WEB_URL} || echo failed; done`;
  const found: Record<string, number> = {};
  for (const answer of (await cluster.inPod('client', 'sh', '-c', loop)).trimEnd().split('\n')) {
    const name = /^hello from (web|web-canary)-[0-9a-z]+-[0-9a-z]+ in west$/.exec(answer)?.[1] ?? answer;
    found[name] = (found[name] ?? 0) + 1;
  }
  return found;
}

/** Waits for an answer of `web` in a cluster. */
export async function answerFrom(caller: KubeCluster, cluster: string): Promise<void> {
  await caller.until(`an answer from ${cluster}`, async () => {
    const answer = await wget(caller);
    return answer.endsWith(` in ${cluster}\n`) ? answer : undefined;
  });
}
