import type { BalancedLocality, BalancingExplanation } from '../failover/balancing-explanation.ts';
import type { ExplainedCluster, ExplainedTier, RouteExplanation } from '../failover/explanation.ts';
import { durationText } from '../failover/sentences.ts';
import { localityKey } from '../model/cluster.ts';
import type { WhyAnswer } from './answer.ts';
import { type Cell, textTable } from './text-table.ts';

/** How parts of the report are shown; each gives its text back unchanged where there is no colour. */
export interface ReportStyles {
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly careful: (text: string) => string;
}

/** An answer for people: who gets what, why, and every number on the way. */
export function whyReport(
  { route, balancing, access, upstream, handling, rules }: WhyAnswer,
  styles: ReportStyles,
): string {
  const sections = [
    headLines(route, styles),
    rules.length === 0 ? [] : ['', ...rules],
    access === null ? [] : ['', access.allowed ? styles.good(access.reason) : styles.bad(access.reason)],
    ['', ...shareLines(route, styles)],
    upstream === null ? [] : [`  To the pods of ${route.source.cluster}: ${upstream}`],
    handling.map((sentence) => `  ${sentence}`),
    [
      '',
      ...textTable([header(CLUSTER_HEADER, styles), ...route.clusters.map((row) => clusterRow(row, styles))]),
    ],
    ['', ...textTable([header(TIER_HEADER, styles), ...route.tiers.map((row) => tierRow(row, styles))])],
    ['', ...groupLines(route, styles)],
    ['', ...balancingLines(balancing, route.source.cluster, styles)],
    ['', ...footLines(route, styles)],
  ];
  return `${sections.flat().join('\n')}\n`;
}

function headLines(route: RouteExplanation, styles: ReportStyles): readonly string[] {
  const { source, supposed } = route;
  const lines = [
    `${styles.strong(route.target)} from ${source.cluster} (${localityKey(source.locality)}), ` +
      `policy ${route.policy.name}, ${new Date(route.atMs).toISOString()}`,
  ];
  const suppositions = supposed.down.map((cluster) => `${cluster} is down`);
  if (supposed.from !== null) suppositions.push(`the caller is in ${localityKey(supposed.from)}`);
  if (suppositions.length > 0) lines.push(styles.careful(`Supposed: ${suppositions.join(', ')}.`));
  return lines;
}

function shareLines(route: RouteExplanation, styles: ReportStyles): readonly string[] {
  const shares = route.shares.map(({ cluster, percent }) => `${percentText(percent)} ${cluster}`);
  const result = shares.length === 0 ? styles.bad('503') : styles.strong(shares.join(', '));
  return [`→ ${result}`, ...route.decision.map((sentence) => `  ${sentence}`)];
}

const CLUSTER_HEADER = [
  'CLUSTER',
  'f',
  'HEALTHY',
  'DEGRADED',
  'PENDING',
  'HOSTS',
  'SAID',
  'SEEN',
  'TRUNK',
  'STANDING',
];

function clusterRow(row: ExplainedCluster, styles: ReportStyles): readonly Cell[] {
  const name = row.local ? `${row.cluster} (here)` : row.cluster;
  const style = standingStyle(row, styles);
  return [
    { text: name },
    number(row.counted ? `${row.sharePercent} %` : '-', style),
    number(row.healthy),
    number(row.degraded),
    number(row.excluded),
    number(row.hosts),
    number(ageText(row.offerAgeMs)),
    number(ageText(row.lastSeenAgeMs)),
    { text: row.trunk ?? '-' },
    {
      text: row.reach === 'unreachable' ? `${row.reason} (unreachable through the store)` : row.reason,
      style,
    },
  ];
}

function standingStyle(row: ExplainedCluster, styles: ReportStyles): (text: string) => string {
  if (!row.counted) return styles.bad;
  return row.sharePercent === 100 ? styles.good : styles.careful;
}

const TIER_HEADER = [
  'TIER',
  'TAKES',
  'HEALTHY',
  'DEGRADED',
  'PENDING',
  'HOSTS',
  'CAP',
  'H',
  'D',
  'LOAD',
  'BOUND',
  '',
];

function tierRow(row: ExplainedTier, styles: ReportStyles): readonly Cell[] {
  return [
    number(row.tier),
    { text: row.selector },
    number(row.healthy),
    number(row.degraded),
    number(row.excluded),
    number(row.hosts),
    number(`${row.capPercent} %`),
    number(`${row.healthyPercent} %`),
    number(`${row.degradedPercent} %`),
    number(`${row.loadPercent} %`, row.loadPercent > 0 ? styles.strong : styles.faint),
    number(row.maxConcurrent ?? '-'),
    { text: row.panic ? 'panic' : '', style: styles.bad },
  ];
}

const GROUP_HEADER = ['TIER', 'CLUSTER', 'LOCALITY', 'HEALTHY', 'HOSTS', 'WEIGHT', 'f', 'SHARE'];

function groupLines(route: RouteExplanation, styles: ReportStyles): readonly string[] {
  const rows = route.tiers.flatMap(({ tier, groups }) =>
    groups.map((group): readonly Cell[] => [
      number(tier),
      { text: group.cluster },
      { text: localityKey(group.locality) },
      number(group.healthy),
      number(group.hosts),
      number(group.clusterWeight === null ? group.weight : `${group.clusterWeight}·${group.weight}`),
      number(`${group.sharePercent} %`),
      number(percentText(group.finalPercent), group.finalPercent > 0 ? styles.strong : styles.faint),
    ]),
  );
  return rows.length === 0 ? ['No hosts.'] : textTable([header(GROUP_HEADER, styles), ...rows]);
}

/** More endpoints that are new than these are counted, and not named. */
const NAMED_ENDPOINTS = 10;

function balancingLines(
  { policy, decision, localities }: BalancingExplanation,
  cluster: string,
  styles: ReportStyles,
): readonly string[] {
  return [
    `${styles.strong(`Among the endpoints of ${cluster}`)}, policy ${policy}:`,
    ...decision.map((sentence) => `  ${sentence}`),
    ...(localities.length === 0
      ? ['  There are none.']
      : localities.flatMap((one) => placeLines(one, styles))),
    styles.faint('In any other cluster its own gateway chooses, by the policy that the service has there.'),
  ];
}

function placeLines(place: BalancedLocality, styles: ReportStyles): readonly string[] {
  const { endpoints, healthy, degraded, tableSlots, warming } = place;
  const facts = [
    `${healthy} of ${endpoints} healthy`,
    ...(degraded === 0 ? [] : [`${degraded} degraded`]),
    ...(tableSlots === null ? [] : [`${tableSlots} slots in the table`]),
    ...(warming.length === 0 ? [] : [`${warming.length} in slow start`]),
  ];
  const named = warming.slice(0, NAMED_ENDPOINTS).map(({ address, weightPercent, warmInMs }) => {
    const rest = `all of it in ${durationText(warmInMs)}`;
    return `    ${address} ${styles.careful(`has ${weightPercent} % of its weight`)}, ${rest}`;
  });
  const others = warming.length - named.length;
  const more = others === 0 ? [] : [`    and ${others} more`];
  return [`  ${localityKey(place.locality)}: ${facts.join(', ')}`, ...named, ...more];
}

function footLines(route: RouteExplanation, styles: ReportStyles): readonly string[] {
  const { policy, availablePercent, uncappedPercent } = route;
  const { failback } = policy;
  const lines = [
    `N = ${availablePercent} % (${uncappedPercent} % without caps), factor ${policy.overprovisioningPercent} %, ` +
      `panic below ${policy.panicThresholdPercent} %, stale after ${durationText(policy.staleAfterMs)}`,
    `failback: hold-down ${durationText(failback.holdDownMs)}, then ${failback.steps.join(', ')} % ` +
      `every ${durationText(failback.intervalMs)}, from ${failback.minHealthyPercent} % healthy on`,
  ];
  if (route.changesAtMs !== null) {
    lines.push(`the clock alone changes it in ${durationText(route.changesAtMs - route.atMs)}`);
  }
  return lines.map((line) => styles.faint(line));
}

function header(titles: readonly string[], styles: ReportStyles): readonly Cell[] {
  const atLeft = new Set(['CLUSTER', 'TRUNK', 'STANDING', 'TAKES', 'LOCALITY', '']);
  return titles.map((text) => ({ text, style: styles.faint, right: !atLeft.has(text) }));
}

function number(value: number | string, style?: (text: string) => string): Cell {
  return { text: String(value), right: true, ...(style === undefined ? {} : { style }) };
}

function ageText(ageMs: number | null): string {
  return ageMs === null ? '-' : durationText(ageMs);
}

function percentText(percent: number): string {
  return `${Math.round(percent * 10) / 10} %`;
}
