import type { CommandOutput } from './command-output.ts';
import { nameSome } from './name-some.ts';

/** What forgetting a cluster means; as JSON it is the command's result. */
export interface ForgetPlan {
  readonly cluster: string;
  readonly clusterset: string;
  /** As the trust home sees it; null = it was invited, and never spoke. */
  readonly reach: string | null;
  /** RFC 3339; null = never. */
  readonly lastSeen: string | null;
  /** How many services it offers. */
  readonly services: number;
  /** Those that no other cluster offers. */
  readonly onlyThere: readonly string[];
  /** Why it may not be lost; null = nothing speaks for it. */
  readonly objection: string | null;
  /** What a person must do beside. */
  readonly remaining: readonly string[];
}

export function planText(plan: ForgetPlan): string {
  const { cluster, clusterset, lastSeen, services, onlyThere, objection } = plan;
  return [
    `${cluster}, ${lastSeen === null ? 'never seen' : `last seen ${lastSeen}`}, would be forgotten by ${clusterset}:`,
    `  - ${services} ${services === 1 ? 'service that it offers is' : 'services that it offers are'} withdrawn in all clusters`,
    '  - its user in the store, and what is recorded of it here, are removed',
    ...lossLines(onlyThere).map((line) => `  ! ${line}`),
    ...(objection === null ? [] : [`  ! ${objection}`]),
  ].join('\n');
}

export function forgottenText(plan: ForgetPlan, output: CommandOutput): string {
  const { cluster, clusterset, services, onlyThere, remaining } = plan;
  const count = `${services} ${services === 1 ? 'service is' : 'services are'} withdrawn`;
  return [
    `${output.style('green', '✔')} ${clusterset} forgets ${cluster}: ${count}`,
    ...lossLines(onlyThere).map((line) => output.style('yellow', `! ${line}`)),
    '',
    'What remains to be done:',
    ...remaining.map((step) => `  - ${step}`),
  ].join('\n');
}

function lossLines(onlyThere: readonly string[]): readonly string[] {
  return onlyThere.length === 0 ? [] : [`no other cluster offers ${nameSome(onlyThere)}: that ends`];
}
