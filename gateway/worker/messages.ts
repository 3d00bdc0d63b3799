import { z } from 'zod';
import { workerLimits } from '../limits/limits-config.ts';
import { forwardingConfig } from '../pipeline/forwarding-config.ts';

/**
 * What the gateway's parent and its workers say to each other (the channel of node:child_process, structured clone). Checked on
 * arrival like anything else that comes into a process: a message of another version's worker is refused, not
 * half understood.
 */

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
const text = z.string();
const count = z.int().min(0);
const timeMs = z.int().min(0);

const workerConfig = z.strictObject({
  local: z.strictObject({
    name: text,
    clusterset: text,
    trustDomain: text,
    locality: z.strictObject({ region: text, zone: text }),
  }),
  /** Ports of the shared HTTP listener: in an authority they say nothing of a service's port. */
  sharedPorts: z.array(count),
  accessLog: z.strictObject({ sample: z.number(), file: text }),
  limits: workerLimits,
  forwarding: forwardingConfig,
  /** How many workers share the gateway's limits. */
  workers: count,
  /** The one worker that keeps a trunk to each peer warm. */
  keepsTrunksWarm: z.boolean(),
  /** Whether a federation service says when a lost peer is back. */
  followed: z.boolean(),
  /** TLS ticket keys are derived from it, the same in all workers. */
  ticketSecret: bytes,
});

const protocol = z.enum(['http', 'http2', 'tcp']);

const checkFinding = z.strictObject({
  service: text,
  address: text,
  protocol,
  state: z.enum(['pending', 'healthy', 'unhealthy']),
});

const listener = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('http') }),
  z.strictObject({ kind: z.literal('mesh') }),
  z.strictObject({ kind: z.literal('tls-passthrough') }),
  z.strictObject({
    kind: z.literal('service'),
    port: count,
    protocol,
  }),
]);

export const parentMessage = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('start'), config: workerConfig }),
  /** Comes with the socket. */
  z.strictObject({ kind: z.literal('connection'), listener }),
  /** Answered with `applied` or `refused`, like a delta; its version is here for an answer to what cannot be read. */
  z.strictObject({ kind: z.literal('snapshot'), epoch: count, version: count, bytes }),
  /** Leads from the snapshot before to the next. */
  z.strictObject({ kind: z.literal('delta'), epoch: count, version: count, bytes }),
  z.strictObject({ kind: z.literal('svid'), certificateChainPem: text, privateKeyPem: text }),
  /** Another worker lost, or reached, a peer. */
  z.strictObject({ kind: z.literal('peer'), cluster: text, up: z.boolean(), atMs: timeMs }),
  z.strictObject({ kind: z.literal('checks'), findings: z.array(checkFinding) }),
  z.strictObject({ kind: z.literal('collect'), id: count }),
  z.strictObject({ kind: z.literal('enrolled'), id: count, response: bytes.optional() }),
  z.strictObject({ kind: z.literal('reopen-log') }),
  /** A drain comes, after the delay in which new connections are still taken. */
  z.strictObject({ kind: z.literal('leave') }),
  z.strictObject({ kind: z.literal('drain'), graceMs: timeMs }),
]);

const metricFamily = z.strictObject({
  name: text,
  help: text,
  type: z.enum(['counter', 'gauge', 'histogram']),
  aggregator: z.enum(['sum', 'first', 'min', 'max', 'average']),
  values: z.array(
    z.strictObject({
      labels: z.record(text, z.union([text, z.number()])),
      value: z.number(),
      metricName: text.optional(),
    }),
  ),
});

export const workerMessage = z.discriminatedUnion('kind', [
  /** Runs and waits for `start`. */
  z.strictObject({ kind: z.literal('ready') }),
  z.strictObject({ kind: z.literal('applied'), epoch: count, version: count }),
  z.strictObject({ kind: z.literal('refused'), epoch: count, version: count, reason: text }),
  z.strictObject({
    kind: z.literal('trunk'),
    cluster: text,
    up: z.boolean(),
    atMs: timeMs,
    rttSeconds: z.number().min(0),
  }),
  /** All endpoints that this worker has ejected. */
  z.strictObject({
    kind: z.literal('ejections'),
    endpoints: z.array(z.strictObject({ service: text, address: text })),
  }),
  z.strictObject({ kind: z.literal('collected'), id: count, families: z.array(metricFamily) }),
  z.strictObject({ kind: z.literal('enrol'), id: count, request: bytes, remoteAddress: text }),
  /** Whether it has so much to do that others should get new connections. */
  z.strictObject({ kind: z.literal('overload'), refusesConnections: z.boolean() }),
  /** Nothing is open any more; the worker ends. */
  z.strictObject({ kind: z.literal('drained') }),
]);

export type WorkerConfig = z.infer<typeof workerConfig>;
export type ParentMessage = z.infer<typeof parentMessage>;
export type WorkerMessage = z.infer<typeof workerMessage>;
