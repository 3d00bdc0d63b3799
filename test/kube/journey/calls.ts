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

/** Waits for an answer of `web` in a cluster. */
export async function answerFrom(caller: KubeCluster, cluster: string): Promise<void> {
  await caller.until(`an answer from ${cluster}`, async () => {
    const answer = await wget(caller);
    return answer.endsWith(` in ${cluster}\n`) ? answer : undefined;
  });
}
