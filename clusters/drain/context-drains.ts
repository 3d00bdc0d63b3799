import { z } from 'zod';
import { UserError } from '../../federation/model/user-error.ts';
import { KubernetesSite } from '../context/kubernetes-site.ts';
import { findRelease, statusThere } from '../context/release-program.ts';
import { KubeClient } from '../kubernetes/kube-client.ts';
import type { DrainSite } from './drain-site.ts';
import { kubernetesDrains } from './kubernetes-drains.ts';

export interface ContextFlags {
  readonly context: string;
  readonly kubeconfig?: string;
  readonly namespace?: string;
}

const times = { sinceMs: z.number(), fromPercent: z.number(), takenPercent: z.number() };
const drain = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('draining'), overMs: z.number(), ...times }),
  z.object({ kind: z.literal('returning'), ...times }),
]);

const sight = z.object({
  cluster: z.string(),
  nowMs: z.number(),
  drain: drain.optional(),
  lastMemberOf: z.array(z.string()),
  resourceProblems: z.array(z.object({ where: z.string(), message: z.string(), hint: z.string() })),
  peers: z.array(
    z.object({
      cluster: z.string(),
      reach: z.enum(['unknown', 'synced', 'unreachable', 'left']),
      drain: drain.optional(),
      announcedDrain: drain.optional(),
      lastMemberOf: z.array(z.string()),
    }),
  ),
});

/** `isthmus cluster status --output json`, as far as drains are concerned. */
const statusAnswer = z.object({ federation: z.union([sight, z.object({ unanswered: z.string() })]) });

/** Drains of the Kubernetes cluster of a context. @throws UserError when no release is there */
export async function contextDrains(
  { context, kubeconfig, namespace }: ContextFlags,
  signal: AbortSignal,
): Promise<DrainSite> {
  const site = await KubernetesSite.open(context, kubeconfig, signal);
  const client = await KubeClient.ofContext({ kubeconfig, context });
  try {
    const found = await findRelease(site, namespace);
    const drains = kubernetesDrains({
      context,
      flags: site.flags,
      client,
      sight: async () => {
        const { federation } = await statusThere(statusAnswer, found);
        if (!('unanswered' in federation)) return federation;
        throw new UserError(`context ${context}: ${federation.unanswered}`, {
          hint: `see the log of the federation service in ${found.release.namespace}`,
        });
      },
    });
    const close = (): void => {
      drains.close();
      site.close();
    };
    return { ...drains, close };
  } catch (failure) {
    client.close();
    site.close();
    throw failure;
  }
}
