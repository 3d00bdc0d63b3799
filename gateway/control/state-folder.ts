import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { LocalCluster } from '../../federation/model/cluster.ts';
import type { TrustDomain } from '../../federation/model/identity.ts';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { writeDurably } from '../../federation/runtime/durable-file.ts';
import { WireError } from '../../federation/wire/field-checks.ts';
import { type ReadingOptions, snapshotFromBytes } from '../../federation/wire/snapshot-message.ts';

const owner = z.strictObject({
  trustDomain: z.string(),
  gateway: z.string(),
  /** The release that stored the snapshot. */
  softwareVersion: z.string().optional(),
});

type Owner = z.infer<typeof owner>;

const OWNER_FILE = 'owner.json';

interface Release {
  readonly softwareVersion: string;
  readonly isThis: boolean;
}

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
  readonly #trustDomain: TrustDomain;
  readonly #softwareVersion: string;
  #isOfThisRelease: boolean;

  private constructor(path: string, gateway: string, local: LocalCluster, release: Release) {
    this.path = path;
    this.gateway = gateway;
    this.#trustDomain = local.trustDomain;
    this.#softwareVersion = release.softwareVersion;
    this.#isOfThisRelease = release.isThis;
  }

  /**
   * Takes the folder for one cluster, and makes it at the first use; `newName` names the gateway then.
   * @param softwareVersion of this gateway
   * @throws UserError when it belongs to another cluster, or cannot be used.
   */
  static async open(
    path: string,
    local: LocalCluster,
    newName: () => string,
    softwareVersion: string,
  ): Promise<StateFolder> {
    const file = join(path, OWNER_FILE);
    const text = await readIfThere(file);
    if (text !== undefined) {
      const found = readOwner(file, text.toString('utf8'), local);
      const isThis = found.softwareVersion === softwareVersion;
      return new StateFolder(path, found.gateway, local, { softwareVersion, isThis });
    }
    const folder = new StateFolder(path, newName(), local, { softwareVersion, isThis: true });
    try {
      await folder.#writeOwner();
    } catch (error) {
      throw unusable(path, error);
    }
    return folder;
  }

  /** Whether the stored snapshot, if there is one, has all that this release understands. */
  get isOfThisRelease(): boolean {
    return this.#isOfThisRelease;
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
    if (this.#isOfThisRelease) return;
    await this.#writeOwner();
    this.#isOfThisRelease = true;
  }

  async #writeOwner(): Promise<void> {
    const text = {
      trustDomain: this.#trustDomain,
      gateway: this.gateway,
      softwareVersion: this.#softwareVersion,
    };
    await writeDurably(join(this.path, OWNER_FILE), `${JSON.stringify(text)}\n`);
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

function readOwner(file: string, text: string, local: LocalCluster): Owner {
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
  return parsed.data;
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
