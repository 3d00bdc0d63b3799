import { UserError } from '../../../federation/model/user-error.ts';
import { readIfThere } from '../../../federation/runtime/durable-file.ts';
import { type Readable, Watchable } from '../../../federation/runtime/watchable.ts';
import { type ClusterFile, readClusterFile } from '../../folder/cluster-file.ts';
import type { FolderLayout } from '../../folder/layout.ts';
import type { KubeClient } from '../kube-client.ts';
import { checkName, FolderKeeper } from './folder-keeper.ts';
import { followObject } from './followed-object.ts';
import { SECRETS } from './resource-types.ts';

/** What this cluster is a member of, as far as this process knows. */
export type MemberState =
  /** Nobody has said it yet; `problem` is why not, where asking failed. */
  | { readonly kind: 'unknown'; readonly problem: string | undefined }
  /** The API server said that there is none. */
  | { readonly kind: 'none' }
  /** There is one that this release cannot take, such as one of another cluster's name. */
  | { readonly kind: 'refused'; readonly reason: string; readonly hint: string | undefined }
  | { readonly kind: 'member'; readonly file: ClusterFile }
  /** It was one, and is one no more, or one of another clusterset: what runs for the old one must end. */
  | { readonly kind: 'ended'; readonly reason: string };

export interface MemberFolderOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Of the Secret. */
  readonly name: string;
  /** What the release calls its cluster. */
  readonly cluster: string;
  readonly layout: FolderLayout;
  readonly random: () => number;
  /** What is wrong; undefined when it is over. */
  readonly problem: (failure: unknown) => void;
}

/** Keeps the working copy of a membership as its Secret is, for as long as a process runs. */
export class MemberFolder {
  readonly #options: MemberFolderOptions;
  readonly #keeper: FolderKeeper;
  readonly #state = new Watchable<MemberState>({ kind: 'unknown', problem: undefined });
  readonly #end = new AbortController();
  readonly #following: Promise<void>;
  /** Whether what was heard last could not be taken. */
  #isUnfit = false;
  /** One thing at a time is done to the folder. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: MemberFolderOptions) {
    const { client, namespace, name, cluster, layout, random } = options;
    this.#options = options;
    this.#keeper = new FolderKeeper({ client, namespace, name, cluster, layout });
    this.#following = followObject({
      client,
      type: SECRETS,
      namespace,
      name,
      random,
      signal: this.#end.signal,
      changed: (object) => this.#inTurn(() => this.#hear(object)),
      problem: (failure) => this.#unheard(failure),
    });
  }

  get state(): Readable<MemberState> {
    return this.#state;
  }

  /** Resolves when the state is of this kind. */
  until<K extends MemberState['kind']>(kind: K): Promise<Extract<MemberState, { kind: K }>> {
    const { promise, resolve } = Promise.withResolvers<Extract<MemberState, { kind: K }>>();
    const look = (state: MemberState): void => {
      if (state.kind === kind) resolve(state as Extract<MemberState, { kind: K }>);
    };
    const stop = this.#state.watch(look);
    look(this.#state.value);
    return promise.finally(stop);
  }

  /** Brings home what this process changed in the folder, e.g. a renewed intermediate. */
  bringHome(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state.value.kind === 'member') await this.#keeper.push();
    });
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#following;
    await this.#turn;
  }

  async #hear(object: unknown): Promise<void> {
    try {
      await this.#take(object);
    } catch (failure) {
      this.#isUnfit = true;
      this.#refuse(failure);
      throw failure;
    }
    if (this.#isUnfit) this.#options.problem(undefined);
    this.#isUnfit = false;
  }

  /** What runs already goes on with what it has. */
  #refuse(failure: unknown): void {
    if (!(failure instanceof UserError)) return;
    const { kind } = this.#state.value;
    if (kind === 'member' || kind === 'ended') return;
    this.#state.set({ kind: 'refused', reason: failure.message, hint: failure.hint });
  }

  async #take(object: unknown): Promise<void> {
    // Nothing new; and a command beside this process may just be making the folder.
    if (object === undefined && this.#state.value.kind === 'none') return;
    const kind = await this.#keeper.take(object);
    const before = this.#state.value;
    if (before.kind === 'ended') return;
    if (kind === 'none') {
      const was = before.kind === 'member';
      this.#state.set(was ? { kind: 'ended', reason: 'the membership was ended' } : { kind: 'none' });
      return;
    }
    const file = await readClusterFile(this.#options.layout);
    if (before.kind !== 'member') this.#state.set({ kind: 'member', file });
    else if (JSON.stringify(before.file) !== JSON.stringify(file)) {
      this.#state.set({ kind: 'ended', reason: 'the membership was changed' });
    }
  }

  /** Without the API server a process that starts again goes on with what it had. */
  #unheard(failure: unknown): void {
    this.#options.problem(failure);
    if (failure === undefined || this.#state.value.kind !== 'unknown') return;
    this.#state.set({
      kind: 'unknown',
      problem: failure instanceof Error ? failure.message : String(failure),
    });
    void this.#inTurn(() => this.#takeKept());
  }

  async #takeKept(): Promise<void> {
    const { layout, cluster } = this.#options;
    if ((await readIfThere(layout.clusterFile)) === undefined) return;
    const file = await readClusterFile(layout);
    if (this.#state.value.kind !== 'unknown') return;
    try {
      checkName(file, cluster);
    } catch (failure) {
      this.#refuse(failure);
      throw failure;
    }
    this.#state.set({ kind: 'member', file });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work).catch((failure: unknown) => this.#options.problem(failure));
    return this.#turn;
  }
}
