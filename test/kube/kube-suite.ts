import { after, afterEach, beforeEach } from 'node:test';
import type { KubeCluster } from './kube-cluster.ts';
import { unreadyPods } from './pod-report.ts';

type End = () => void | Promise<void>;

/** Of a suite whose tests are the steps of one way. */
export interface Steps {
  /** Who ends what `before` starts: a hook that node:test is asked for inside `before` would run at its end. */
  after(end: End): void;
}

/**
 * For the body of a suite: the first step that fails is told with the clusters' pods, and those behind it fail at once
 * instead of waiting for what cannot come.
 */
export function steps(clusters: () => readonly (KubeCluster | undefined)[]): Steps {
  const ends: End[] = [];
  let failed: string | undefined;
  after(async () => {
    for (const end of ends) await end();
  });
  beforeEach(() => {
    if (failed !== undefined) throw new Error(`an earlier step failed: ${failed}`);
  });
  afterEach(async (t) => {
    if (failed !== undefined || !('passed' in t) || t.passed) return;
    failed = t.name;
    for (const cluster of clusters()) {
      if (cluster !== undefined) console.error(`${cluster.name}:\n${await unreadyPods(cluster)}`);
    }
  });
  return { after: (end) => void ends.push(end) };
}
