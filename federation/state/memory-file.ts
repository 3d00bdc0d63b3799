import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { isDnsLabel, type LocalCluster } from '../model/cluster.ts';
import { UserError } from '../model/user-error.ts';
import { writeDurably } from '../runtime/durable-file.ts';
import type { DrainMemory } from '../snapshot/drain-book.ts';
import type { PortGrant } from '../snapshot/listen-ports.ts';
import type { OfferMemory } from '../snapshot/offer-book.ts';
import type { PeerMemory } from '../snapshot/peer-book.ts';
import { drainSchema } from '../store/head.ts';

/** What a federation service must not forget over a restart. */
export interface FederationMemory {
  /** Of the newest snapshots that were served. */
  readonly epoch: number;
  readonly peers: PeerMemory;
  readonly offers: readonly OfferMemory[];
  readonly drains: DrainMemory;
}

const timeMs = z.int().min(0);
const label = z.string().refine(isDnsLabel);

const healthSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('steady') }),
  z.strictObject({ kind: z.literal('failing'), sinceMs: timeMs }),
  z.strictObject({ kind: z.literal('returning'), healthySinceMs: timeMs }),
]);

const evidenceSchema = z.strictObject({ up: z.boolean(), wasUp: z.boolean(), sinceMs: timeMs });

const gatewaySchema = z.strictObject({
  gateway: z.string(),
  startedAtMs: timeMs,
  trunks: z.array(z.tuple([label, evidenceSchema])),
});

const memorySchema = z.strictObject({
  cluster: z.string(),
  clusterset: z.string(),
  epoch: timeMs,
  peers: z.array(z.tuple([label, healthSchema])),
  gateways: z.array(gatewaySchema),
  offers: z.array(z.tuple([z.string(), label, healthSchema])),
  drains: z.array(z.tuple([label, drainSchema])).default([]),
});

const portsSchema = z.strictObject({
  ports: z.array(
    z.strictObject({
      target: z.string(),
      port: z.int().min(1).max(65_535),
      releasedAtMs: timeMs.optional().transform((found) => found),
    }),
  ),
});

const ownerSchema = z.looseObject({ cluster: z.string(), clusterset: z.string() });

/**
 * @returns undefined when there is none yet
 * @throws UserError when the file is another cluster's, or cannot be understood.
 */
export async function readMemory(path: string, local: LocalCluster): Promise<FederationMemory | undefined> {
  const value = await readJson(path);
  if (value === undefined) return undefined;
  const owner = ownerSchema.safeParse(value);
  if (owner.success && (owner.data.cluster !== local.name || owner.data.clusterset !== local.clusterset)) {
    const { cluster, clusterset } = owner.data;
    throw new UserError(
      `${path}: is the state of cluster ${cluster} of ${clusterset}, this is ${local.name} of ${local.clusterset}`,
      { hint: 'give each cluster a state folder of its own, or remove this one if the cluster is gone' },
    );
  }
  const { epoch, peers, gateways, offers, drains } = checked(path, memorySchema, value);
  const evidence = gateways.map((found) => ({ ...found, trunks: new Map(found.trunks) }));
  return { epoch, peers: { peers, gateways: evidence }, offers, drains };
}

/** Texts that were printed before: of thousands of offers few change between two times, and as a rule none. */
export type OfferTexts = WeakMap<OfferMemory | readonly OfferMemory[], string>;

/** The text of the file. */
export function printMemory(
  local: LocalCluster,
  memory: FederationMemory,
  texts: OfferTexts = new WeakMap(),
): string {
  const { epoch, peers, drains } = memory;
  const gateways = peers.gateways.map((found) => ({ ...found, trunks: [...found.trunks] }));
  const { name: cluster, clusterset } = local;
  const others = JSON.stringify({ cluster, clusterset, epoch, peers: peers.peers, gateways, drains });
  const offers = texts.getOrInsertComputed(memory.offers, () => {
    return memory.offers.map((one) => texts.getOrInsertComputed(one, () => JSON.stringify(one))).join();
  });
  return `${others.slice(0, -1)},"offers":[${offers}]}`;
}

/** @throws UserError when the file cannot be understood. */
export async function readPorts(path: string): Promise<readonly PortGrant[]> {
  const value = await readJson(path);
  return value === undefined ? [] : checked(path, portsSchema, value).ports;
}

/** @throws the file system's error. */
export async function writePorts(path: string, ports: readonly PortGrant[]): Promise<void> {
  await writeDurably(path, JSON.stringify({ ports }));
}

async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (failure) {
    throw damaged(path, String(failure), failure);
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (failure) {
    if (failure instanceof Error && 'code' in failure && failure.code === 'ENOENT') return undefined;
    throw new UserError(`${path}: cannot be read: ${String(failure)}`, {
      hint: 'give this user the right to read and write the state folder',
      cause: failure,
    });
  }
}

function checked<T>(path: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw damaged(path, z.prettifyError(parsed.error), parsed.error);
  return parsed.data;
}

function damaged(path: string, reason: string, cause: unknown): UserError {
  return new UserError(`${path}: is damaged: ${reason}`, {
    hint: 'restore it from a backup, or remove it: then peers that are failing now start with their full share',
    cause,
  });
}
