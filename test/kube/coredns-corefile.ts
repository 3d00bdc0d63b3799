import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { KubeCluster } from './kube-cluster.ts';

const shipped = join(import.meta.dirname, '../../charts/isthmus/files/coredns');
const configMap = z.object({ data: z.object({ Corefile: z.string() }) });

/**
 * What README.md beside the shipped files tells an administrator to do, so that pods can look up names of the clusterset.
 * @param more lines for the Corefile beside that
 */
export async function serveClustersetNames(
  cluster: KubeCluster,
  more: readonly string[] = [],
): Promise<void> {
  await cluster.apply(readFileSync(join(shipped, 'rbac.yaml'), 'utf8'));
  const { data } = configMap.parse(await cluster.get('configmap', 'coredns', '-n', 'kube-system'));
  const stanza = readFileSync(join(shipped, 'Corefile'), 'utf8');
  const Corefile = withStanza(data.Corefile, [...more, stanza].join('\n'));
  const patch = JSON.stringify({ data: { Corefile } });
  await cluster.kubectl(['patch', 'configmap', 'coredns', '-n', 'kube-system', '--type=merge', '-p', patch]);
  // CoreDNS reads the file again by itself, but only when the kubelet has brought it, up to a minute and a half later.
  await cluster.kubectl(['rollout', 'restart', 'deployment/coredns', '-n', 'kube-system']);
  await cluster.rolledOut('deployment/coredns', {}, '-n', 'kube-system');
}

/** The Corefile with the stanza in the place of its line `kubernetes …`. */
function withStanza(corefile: string, stanza: string): string {
  const line = corefile.split('\n').find((text) => text.trim().startsWith('kubernetes '));
  if (line === undefined) throw new Error(`no line of the kubernetes plugin in the Corefile:\n${corefile}`);
  const indent = line.slice(0, line.length - line.trimStart().length);
  const indented = stanza
    .trimEnd()
    .split('\n')
    .map((text) => `${indent}${text}`);
  return corefile.replace(line, indented.join('\n'));
}
