import { z } from 'zod';
import { dnsLabel } from './metadata.ts';

const REASON = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;
const CONDITION_TYPE = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const GROUP = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$/;

const time = z.iso.datetime({ offset: true, error: 'is not an RFC 3339 time' });

/** Kubernetes' `metav1.Condition`. */
export const condition = z.object({
  type: z
    .string()
    .max(316)
    .regex(CONDITION_TYPE, 'is not the type of a condition')
    .describe('What the condition is about, such as `Accepted`.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds: `True`, `False` or `Unknown`.'),
  observedGeneration: z
    .int()
    .min(0)
    .optional()
    .describe('The `metadata.generation` that it speaks of; a lower one than the current is out of date.'),
  lastTransitionTime: time.describe('When its status last changed.'),
  reason: z
    .string()
    .min(1)
    .max(1024)
    .regex(REASON, 'is not a reason in CamelCase')
    .describe('Why, as one word for programs, such as `Invalid`.'),
  message: z.string().max(32_768).describe('Why, in words: what is wrong, and what to do next.'),
});

export type Condition = z.infer<typeof condition>;

const conditions = z
  .array(condition)
  .max(8)
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });

const ancestorRef = z.object({
  group: z
    .string()
    .max(253)
    .regex(GROUP, 'is not an API group')
    .describe('API group of the target: empty for a Service, `multicluster.x-k8s.io` for a ServiceImport.'),
  kind: z.string().min(1).max(63).describe('Kind of the target, `Service` or `ServiceImport`.'),
  namespace: dnsLabel.optional().describe('Namespace of the target, that of the policy.'),
  name: z.string().min(1).max(253).describe('Name of the target.'),
});

/** Gateway API's PolicyStatus (GEP-713): each target, and what became of the policy there. */
export const policyStatus = z.object({
  ancestors: z
    .array(
      z.object({
        ancestorRef: ancestorRef.describe('The target, as `spec.targetRefs` names it.'),
        controllerName: z
          .string()
          .min(1)
          .max(253)
          .describe('Who wrote this: `isthmus.io/federation` for Isthmus.'),
        conditions: conditions.describe(
          '`Accepted`: the policy is in force for the target. `False` with the reason `Invalid` where it cannot be used ' +
            '(its last good version stays in force), `Conflicted` where an older policy holds, `TargetNotFound` where ' +
            'there is no such service.',
        ),
      }),
    )
    .max(16)
    .describe('What became of the policy at each of its targets, at most 16.'),
});

export type PolicyStatus = z.infer<typeof policyStatus>;

/** What this cluster knows of a peer. */
export const clusterPeerStatus = z.object({
  observedGeneration: z
    .int()
    .min(0)
    .optional()
    .describe('The `metadata.generation` that the status speaks of.'),
  conditions: conditions
    .optional()
    .describe(
      '`Connected`: a gateway here has a trunk to one there. `Trusted`: its trust bundle is known and its certificates ' +
        'are accepted. `Synced`: what it says of itself is read, signed and current. `Drained`, only during a drain and on ' +
        'the way back: nothing is left of its share; the message names the services that it keeps. `Accepted`, only while it ' +
        'is `False`: the object cannot be used, and its last good version stays in force.',
    ),
  lastSeen: time
    .optional()
    .describe('When the newest signed word of the cluster was issued, such as `2026-01-31T12:00:00Z`.'),
  ageSeconds: z
    .int()
    .min(0)
    .optional()
    .describe('How old that word was when the status was written, in seconds.'),
  roundTripMs: z
    .number()
    .min(0)
    .optional()
    .describe('Round trip of a ping over a trunk to it, in milliseconds, such as `12.5`.'),
  gateways: z
    .array(z.string().max(300))
    .max(32)
    .optional()
    .describe('Where its gateways are, as it publishes them, as `host:port`, at most 32.'),
  services: z.int().min(0).optional().describe('How many services it offers to this cluster.'),
  bundleSequence: z
    .int()
    .min(0)
    .optional()
    .describe('Sequence number of its trust bundle that is in use here.'),
  drainedPercent: z
    .number()
    .min(0)
    .max(100)
    .optional()
    .describe('How far a drain is, in steps of ten percent: at 100 the peer gets nothing from here.'),
  drain: z
    .string()
    .max(63)
    .optional()
    .describe('The same in words: `draining 40 %`, `drained`, or `returning 70 %` on the way back.'),
});

export type ClusterPeerStatus = z.infer<typeof clusterPeerStatus>;
