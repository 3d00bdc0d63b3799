import { nameSome } from './name-some.ts';

/** Whom a farewell is of. */
export interface Leaver {
  readonly cluster: string;
  readonly clusterset: string;
  readonly trustHome: boolean;
}

/** What leaving means for a cluster, in words. */
export interface Farewell {
  readonly leaver: Leaver;
  /** What ends, or is removed. */
  readonly ends: readonly string[];
  /** What speaks against it now. */
  readonly objections: readonly string[];
}

/** As far as it says what would be lost. */
export type FarewellReport = {
  /** Services that no other cluster offers. */
  readonly onlyHere: readonly string[];
  readonly peers: readonly { readonly cluster: string; readonly reach: string }[];
  readonly store: { readonly state: string; readonly exportedServices: number };
};

/** @param report what the federation service says of itself */
export function farewell(leaver: Leaver, report: FarewellReport): Farewell {
  const { exportedServices } = report.store;
  const staying = report.peers.filter(({ reach }) => reach !== 'left').map(({ cluster }) => cluster);
  return {
    leaver,
    ends: [
      `${exportedServices} ${exportedServices === 1 ? 'service that it exports is' : 'services that it exports are'} withdrawn`,
      staying.length === 0
        ? 'no other cluster is a member'
        : `requests between it and ${staying.join(', ')} end`,
    ],
    objections: objectionsTo(leaver, report, staying),
  };
}

/** For a question: what a person agrees to. */
export function farewellText({ leaver, ends, objections }: Farewell): string {
  return [
    `${leaver.cluster} would leave ${leaver.clusterset}:`,
    ...ends.map((end) => `  - ${end}`),
    ...objections.map((objection) => `  ! ${objection}`),
  ].join('\n');
}

function objectionsTo(
  { trustHome }: Leaver,
  { onlyHere, peers, store }: FarewellReport,
  staying: readonly string[],
): string[] {
  const objections: string[] = [];
  if (onlyHere.length > 0 && peers.length > 0) {
    objections.push(`no other cluster offers ${nameSome(onlyHere)}`);
  }
  if (trustHome && staying.length > 0) {
    objections.push(
      `it holds the root: without it nobody can join, and ${staying.join(', ')} cannot be renewed`,
    );
  }
  if (store.state === 'down') objections.push('the store does not answer, so nobody can be told');
  return objections;
}
