import type { KubeClient } from './kube-client.ts';
import { KubeError } from './kube-error.ts';

type Reads = 'list' | 'watch' | 'get' | 'onReturn';
type Writes = 'create' | 'apply' | 'applyStatus' | 'update' | 'delete';

/** What the leader's work reads and writes by. */
export type LeadingClient = Pick<KubeClient, Reads | Writes>;

/**
 * The client of what only a leader may write. It asks before each write whether we still lead, and not only who leads at the
 * start of some work: a process that stood still was told nothing, and goes on where it was.
 * @param mayAct as `LeaderLease.mayAct`
 */
export function leadingClient(client: LeadingClient, mayAct: () => boolean): LeadingClient {
  const guarded =
    <A extends unknown[], R>(write: (...given: A) => Promise<R>) =>
    (...given: A): Promise<R> =>
      mayAct() ? write.apply(client, given) : Promise.reject(leadsNoMore());
  return {
    list: (...given) => client.list(...given),
    watch: (...given) => client.watch(...given),
    get: (...given) => client.get(...given),
    onReturn: (listener) => client.onReturn(listener),
    create: guarded(client.create),
    apply: guarded(client.apply),
    applyStatus: guarded(client.applyStatus),
    update: guarded(client.update),
    delete: guarded(client.delete),
  };
}

/** Tried again with the usual patience, should we lead again by then. */
function leadsNoMore(): KubeError {
  return new KubeError({ status: 0, reason: 'NotLeading', message: 'another replica may write now' });
}
