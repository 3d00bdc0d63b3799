import type { ClusterName } from '../model/cluster.ts';

/** Something a person should find in the log. */
export interface StoreReport {
  readonly severity: 'info' | 'warning';
  /** The cluster whose word it is about. */
  readonly cluster: ClusterName;
  /** Of one cluster and topic a newer report makes an older one out of date. */
  readonly topic: 'reach' | 'word' | 'copy' | 'members' | 'reading' | 'writing';
  readonly message: string;
}

export type Reporter = (report: StoreReport) => void;
