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
  readonly objections: readonly Objection[];
}

export interface Objection {
  readonly text: string;
  /** All that it speaks of, each by itself: whoever agreed to these agreed to it. */
  readonly about: readonly string[];
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
    ...objections.map(({ text }) => `  ! ${text}`),
  ].join('\n');
}

/** Whether something speaks against it that nobody agreed to. */
export function hasNewObjections(agreed: Farewell, { objections }: Farewell): boolean {
  const known = new Set(agreed.objections.flatMap(({ about }) => about));
  return objections.some(({ about }) => about.some((each) => !known.has(each)));
}

function objectionsTo(
  { trustHome }: Leaver,
  { onlyHere, peers, store }: FarewellReport,
  staying: readonly string[],
): Objection[] {
  const objections: Objection[] = [];
  if (onlyHere.length > 0 && peers.length > 0) {
    objections.push({
      text: `no other cluster offers ${nameSome(onlyHere)}`,
      about: onlyHere.map((service) => `only here ${service}`),
    });
  }
  if (trustHome && staying.length > 0) {
    objections.push({
      text: `it holds the root: without it nobody can join, and ${staying.join(', ')} cannot be renewed`,
      about: staying.map((cluster) => `root of ${cluster}`),
    });
  }
  if (store.state === 'down') {
    objections.push({ text: 'the store does not answer, so nobody can be told', about: ['store'] });
  }
  return objections;
}
