import { z } from 'zod';
import { type ClusterName, type GatewayAddress, isDnsLabel, type Locality } from '../model/cluster.ts';
import { type Drain, MAX_DRAIN_MS } from '../model/drain.ts';
import { localitySchema } from './record.ts';
import { firstFault } from './schema-fault.ts';

/** The form of heads and records that this release writes. It reads this one and the one before. */
export const SCHEMA_VERSION = 1;

/** What a cluster says of its whole set of services, signed. */
export interface HeadContent {
  readonly cluster: ClusterName;
  /** The writer's, from the fence. */
  readonly epoch: number;
  /** Of the newest change that the digest covers. */
  readonly version: number;
  readonly issuedAtMs: number;
  /** Hexadecimal, as SetDigest gives it. */
  readonly digest: string;
  readonly locality: Locality;
  readonly gateways: readonly GatewayAddress[];
  readonly bundleSequence: number;
  readonly schemaVersion: number;
  /** True in the last head of a cluster that leaves the clusterset. */
  readonly left?: boolean;
  /** How the cluster takes itself out of traffic, or comes back; a release that does not know it leaves it out. */
  readonly drain?: Drain;
}

/** Signs with the cluster's federation SVID. */
export interface HeadSigner {
  sign(payload: Uint8Array): Uint8Array;
}

export interface HeadVerifier {
  /**
   * The payload of a head that `cluster`'s federation service signed.
   * @throws Error whose message says what was wrong with it.
   */
  verify(signed: Uint8Array, cluster: ClusterName): Uint8Array;
}

const count = z.int().min(0);

const gatewaySchema = z.object({
  host: z.string().regex(/^[A-Za-z0-9._:-]{1,253}$/),
  port: z.int().min(1).max(65_535),
});

const percent = count.max(100);

/** A cluster may say this of itself only: it is in its own signed head. */
export const drainSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('draining'),
    sinceMs: count,
    overMs: count.max(MAX_DRAIN_MS),
    fromPercent: percent,
  }),
  z.object({ kind: z.literal('returning'), sinceMs: count, fromPercent: percent }),
]);

/** As of records: fields of a newer release are left out. */
const headSchema = z.object({
  cluster: z.string().refine(isDnsLabel),
  epoch: count,
  version: count,
  issuedAtMs: count,
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  locality: localitySchema,
  gateways: z.array(gatewaySchema).max(32),
  bundleSequence: count,
  schemaVersion: z.literal(SCHEMA_VERSION),
  left: z.boolean().optional(),
  drain: drainSchema.optional(),
});

const versionSchema = z.looseObject({ schemaVersion: count });

export function encodeHead(content: HeadContent): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(content));
}

/** @throws Error when the payload is not a head that this release understands. */
export function parseHead(payload: Uint8Array): HeadContent {
  const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  const stated = versionSchema.safeParse(value).data?.schemaVersion;
  if (stated !== SCHEMA_VERSION) {
    throw new Error(`head has schema version ${stated ?? 'none'}, this release reads ${SCHEMA_VERSION}`);
  }
  const parsed = headSchema.safeParse(value);
  if (!parsed.success) throw new Error(`head is malformed: ${firstFault(parsed.error)}`);
  return parsed.data;
}

/** Negative when `a` was written before `b`: by epoch, then version, then issue time. */
export function compareHeads(
  a: Pick<HeadContent, 'epoch' | 'version' | 'issuedAtMs'>,
  b: Pick<HeadContent, 'epoch' | 'version' | 'issuedAtMs'>,
): number {
  return a.epoch - b.epoch || a.version - b.version || a.issuedAtMs - b.issuedAtMs;
}
