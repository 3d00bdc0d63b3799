import { type Authority, issueSvid } from '../trust/authority.ts';
import { bundlesFor, type TrustBundle, type TrustBundles } from '../trust/bundle.ts';
import { type ClusterTrust, loadTrustFolder } from '../trust/folder.ts';
import { renewIntermediate } from '../trust/folder-writer.ts';
import type { Svid } from '../trust/svid.ts';
import { SvidSource } from '../trust/svid-source.ts';
import type { ClusterName, LocalCluster } from './model/cluster.ts';
import { clusterTrustDomain, federationId, type TrustDomain } from './model/identity.ts';
import { UserError } from './model/user-error.ts';
import type { Clock } from './runtime/clock.ts';
import { type Readable, Watchable } from './runtime/watchable.ts';
import type { HeadVerifier } from './store/head.ts';
import { bundleVerifier } from './store/head-signature.ts';

export interface TrustSourceOptions {
  readonly folder: string;
  readonly local: LocalCluster;
  /** Where the SVID is kept. */
  readonly stateFolder: string;
  readonly clock: Clock;
  readonly random: () => number;
}

/** A renewed intermediate or bundle is in use this long after it was written. */
const RELOAD_MS = 15_000;
const FIRST_SVID_TIMEOUT_MS = 30_000;

/** What this cluster trusts, its authority, and the federation service's own SVID. */
export class TrustSource {
  /** Verifies the heads of any member, also of one that was not heard of before. */
  readonly verifier: HeadVerifier;
  readonly #options: TrustSourceOptions;
  readonly #trust: Watchable<ClusterTrust>;
  readonly #svids: SvidSource;
  #bundles:
    | { readonly bundle: TrustBundle; readonly names: string; readonly bundles: TrustBundles }
    | undefined;
  #problem: string | undefined;
  #cancel: () => void = () => {};
  #reloading: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(options: TrustSourceOptions, trust: ClusterTrust) {
    const { local, stateFolder, clock, random } = options;
    this.#options = options;
    this.#trust = new Watchable(trust);
    const bundlesOf = (trustDomain: TrustDomain): TrustBundles =>
      bundlesFor([trustDomain], this.#trust.value.bundle);
    this.verifier = bundleVerifier(local.clusterset, bundlesOf, clock);
    const id = federationId(local.trustDomain);
    const dnsNames = [`federation.${local.trustDomain}`];
    this.#svids = new SvidSource({
      clock,
      random,
      id,
      dnsNames,
      folder: stateFolder,
      issue: async (csrDer) => {
        const request = { csrDer, id, dnsNames, nowMs: clock.now() };
        return (await issueSvid(this.intermediate, request)).chainDer;
      },
    });
    this.#reloadLater();
  }

  /** @throws UserError when the trust folder or the stored SVID cannot be used. */
  static async open(options: TrustSourceOptions): Promise<TrustSource> {
    const source = new TrustSource(options, await load(options));
    try {
      await source.#svids.start();
      await source.#untilIssued();
      return source;
    } catch (failure) {
      await source.close();
      throw failure;
    }
  }

  get trust(): Readable<ClusterTrust> {
    return this.#trust;
  }

  get intermediate(): Authority {
    return this.#trust.value.intermediate;
  }

  get svid(): Readable<Svid | undefined> {
    return this.#svids.svid;
  }

  get problems(): readonly string[] {
    return [this.#problem, this.#svids.problem.value].filter((problem) => problem !== undefined);
  }

  /** What may vouch for this cluster's own members. */
  get ownBundles(): TrustBundles {
    return bundlesFor([this.#options.local.trustDomain], this.#trust.value.bundle);
  }

  /** For this cluster and these others; the same object while they and the roots are the same. */
  bundlesOf(clusters: readonly ClusterName[]): TrustBundles {
    const { local } = this.#options;
    const { bundle } = this.#trust.value;
    const names = clusters.join(' ');
    if (this.#bundles?.bundle !== bundle || this.#bundles.names !== names) {
      const peers = clusters.map((cluster) => clusterTrustDomain(cluster, local.clusterset));
      this.#bundles = { bundle, names, bundles: bundlesFor([local.trustDomain, ...peers], bundle) };
    }
    return this.#bundles.bundles;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#reloading;
    await this.#svids.close();
  }

  /** The intermediate is at hand, so this is a matter of milliseconds unless it cannot sign. */
  async #untilIssued(): Promise<void> {
    if (this.svid.value !== undefined) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (): void => {
      // One that could only not be kept on disk is there, and is used.
      if (this.svid.value === undefined) reject(cannotIssue(this.#options.folder, this.#svids.problem.value));
    };
    const cancel = this.#options.clock.after(FIRST_SVID_TIMEOUT_MS, fail);
    const stops = [this.svid.watch(() => resolve()), this.#svids.problem.watch(() => queueMicrotask(fail))];
    await promise.finally(() => {
      cancel();
      for (const stop of stops) stop();
    });
  }

  #reloadLater(): void {
    if (this.#closed) return;
    this.#cancel = this.#options.clock.after(RELOAD_MS, () => {
      this.#reloading = this.#reload();
    });
  }

  async #reload(): Promise<void> {
    try {
      const found = await load(this.#options);
      // Only the trust home can: elsewhere the root's key is not at hand, and `isthmus trust status` says what to do.
      const trust = (await renewIntermediate(found, this.#options.clock.now())) ?? found;
      this.#problem = undefined;
      if (fingerprint(trust) !== fingerprint(this.#trust.value)) this.#trust.set(trust);
    } catch (failure) {
      const message = failure instanceof Error ? failure.message : String(failure);
      this.#problem = `${message}; what was read before stays in force`;
    }
    this.#reloadLater();
  }
}

function load({ folder, local, clock }: TrustSourceOptions): Promise<ClusterTrust> {
  return loadTrustFolder(folder, { nowMs: clock.now(), trustDomain: local.trustDomain });
}

function fingerprint({ bundle, intermediate }: ClusterTrust): string {
  const roots = bundle.rootsDer.map((der) => Buffer.from(der).toString('base64'));
  return JSON.stringify([bundle.sequence, roots, intermediate.chainPem]);
}

function cannotIssue(folder: string, problem: string | undefined): UserError {
  return new UserError(
    `${folder}: its intermediate cannot sign this service's SVID: ${problem ?? 'no answer'}`,
    {
      hint: '`isthmus trust status` shows what is in the trust folder',
    },
  );
}
