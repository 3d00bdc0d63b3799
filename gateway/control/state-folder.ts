import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { LocalCluster } from '../../federation/model/cluster.ts';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { writeDurably } from '../../federation/runtime/durable-file.ts';
import { WireError } from '../../federation/wire/field-checks.ts';
import { type ReadingOptions, snapshotFromBytes } from '../../federation/wire/snapshot-message.ts';

const owner = z.strictObject({ trustDomain: z.string(), gateway: z.string() });

export type StoredSnapshot =
  | { readonly kind: 'none' }
  | { readonly kind: 'stored'; readonly snapshot: RoutingSnapshot; readonly bytes: Uint8Array }
  /** There is one that cannot be used; the gateway starts as if there were none. */
  | { readonly kind: 'unusable'; readonly reason: string };

/** What a gateway keeps on disk, so that it can start while its federation service is away. */
export class StateFolder {
  readonly path: string;
  /** This pod's own name, the same over restarts. */
  readonly gateway: string;

  private constructor(path: string, gateway: string) {
    this.path = path;
    this.gateway = gateway;
  }

  /**
   * Takes the folder for one cluster, and makes it at the first use; `newName` names the gateway then.
   * @throws UserError when it belongs to another cluster, or cannot be used.
   */
  static async open(path: string, local: LocalCluster, newName: () => string): Promise<StateFolder> {
    const file = join(path, 'owner.json');
    const text = await readIfThere(file);
    if (text !== undefined) return new StateFolder(path, ownerName(file, text.toString('utf8'), local));
    const gateway = newName();
    try {
      await writeDurably(file, `${JSON.stringify({ trustDomain: local.trustDomain, gateway })}\n`);
    } catch (error) {
      throw unusable(path, error);
    }
    return new StateFolder(path, gateway);
  }

  /** Where the SVID and its key are kept. */
  get svidFolder(): string {
    return join(this.path, 'svid');
  }

  async loadSnapshot(local: LocalCluster, options?: ReadingOptions): Promise<StoredSnapshot> {
    const bytes = await readIfThere(this.#snapshotFile);
    if (bytes === undefined) return { kind: 'none' };
    try {
      const snapshot = snapshotFromBytes(bytes, options);
      if (snapshot.local.trustDomain === local.trustDomain) return { kind: 'stored', snapshot, bytes };
      return { kind: 'unusable', reason: `it is for ${snapshot.local.trustDomain}` };
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return { kind: 'unusable', reason: error.message };
    }
  }

  /**
   * @param snapshot encoded
   * @throws the file system's error; what was stored before is still there.
   */
  async storeSnapshot(snapshot: Uint8Array): Promise<void> {
    await writeDurably(this.#snapshotFile, snapshot);
  }

  get #snapshotFile(): string {
    return join(this.path, 'snapshot.bin');
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw unusable(path, error);
  }
}

function ownerName(file: string, text: string, local: LocalCluster): string {
  const parsed = owner.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new UserError(`${file} does not say whose state folder this is`, {
      hint: 'name another stateFolder, or remove this one: the gateway fetches its state again',
    });
  }
  if (parsed.data.trustDomain !== local.trustDomain) {
    throw new UserError(
      `${file}: the state folder belongs to ${parsed.data.trustDomain}, not ${local.trustDomain}`,
      {
        hint: 'name another stateFolder, or correct cluster and clusterset',
      },
    );
  }
  return parsed.data.gateway;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function unusable(path: string, error: unknown): UserError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return new UserError(`cannot use the state folder: ${path} (${code})`, {
    hint: 'the gateway must be able to read and write there; see stateFolder in its configuration',
    cause: error,
  });
}
