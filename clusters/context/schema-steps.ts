import { type CheckStep, failed, ok, skipped, warning } from '../commands/check-step.ts';
import { shellWord } from '../commands/init-command.ts';
import { KubeError } from '../kubernetes/kube-error.ts';
import { resourceType } from '../kubernetes/resource-type.ts';
import { type ShippedChart, type ShippedDefinition, shippedChart } from './chart-definitions.ts';
import type { OpenRelease } from './open-release.ts';
import { type Definition, definitionSchema, type Lack, lackOf } from './schema-age.ts';

const DEFINITIONS = resourceType('apiextensions.k8s.io', 'v1', 'customresourcedefinitions', false);
const OWN_GROUP = 'isthmus.io';
const BUNDLE = 'gateway.networking.k8s.io/bundle-version';
const MAX_NAMED = 8;

/**
 * Whether the cluster's definitions of the kinds know all that this release's do. Of our own kinds less is a failure: what
 * the API server does not know it drops. Those of Gateway API and MCS may be another's, and older on purpose.
 */
export async function schemaSteps(open: OpenRelease): Promise<readonly CheckStep[]> {
  const chart = await shippedChart();
  if (chart === undefined) return [skipped('schemas', 'this command came without the chart to compare with')];
  try {
    const steps: CheckStep[] = [];
    for (const shipped of chart.definitions) {
      const theirs = await definitionThere(open, shipped.definition.metadata.name);
      // That a kind is not there at all the step before says.
      if (theirs === undefined) continue;
      const lack = lackOf(shipped.definition, theirs);
      if (lack !== undefined) steps.push(outdated(open, { chart, shipped, theirs, lack }));
    }
    return steps.length > 0
      ? steps
      : [ok('schemas', `the kinds are not older than those of ${chart.version}`)];
  } catch (failure) {
    if (!(failure instanceof KubeError)) throw failure;
    if (failure.status === 403)
      return [skipped('schemas', 'the context may not get customresourcedefinitions')];
    return [failed('schemas', failure.message, 'is the API server well?')];
  }
}

async function definitionThere({ site }: OpenRelease, name: string): Promise<Definition | undefined> {
  try {
    return definitionSchema.parse(await site.client.get(DEFINITIONS, { name }));
  } catch (failure) {
    if (KubeError.isNotFound(failure)) return undefined;
    throw failure;
  }
}

interface Outdated {
  readonly chart: ShippedChart;
  readonly shipped: ShippedDefinition;
  readonly theirs: Definition;
  readonly lack: Lack;
}

function outdated(open: OpenRelease, found: Outdated): CheckStep {
  const { chart, theirs, lack } = found;
  const { metadata, spec } = theirs;
  const bundle = metadata.annotations[BUNDLE];
  const age = `${bundle === undefined ? '' : `${bundle}, `}older than that of ${chart.version}`;
  const parts = [
    ...(lack.version === undefined ? [] : [`the version ${lack.version}`]),
    ...(lack.fields.length === 0 ? [] : [named(lack.fields)]),
  ];
  const say = spec.group === OWN_GROUP ? failed : warning;
  return say(`schema ${metadata.name}`, `${age}: lacks ${parts.join(' and ')}`, cureOf(open, found));
}

function named(fields: readonly string[]): string {
  const more = fields.length > MAX_NAMED ? `, and ${fields.length - MAX_NAMED} more` : '';
  return `${fields.slice(0, MAX_NAMED).join(', ')}${more}`;
}

/** Helm upgrades what the release brought; what another brought, its owner should, or a person over them. */
function cureOf({ site, release }: OpenRelease, { chart, shipped, theirs }: Outdated): string {
  const { annotations } = theirs.metadata;
  const isOurs =
    annotations['meta.helm.sh/release-name'] === release.instance &&
    annotations['meta.helm.sh/release-namespace'] === release.namespace;
  if (isOurs) {
    return (
      `helm upgrade ${release.instance} ${shellWord(chart.folder)} ${site.helmFlags} ` +
      `--namespace ${release.namespace} --reset-then-reuse-values`
    );
  }
  return (
    `kubectl ${site.flags} apply --server-side --filename ${shellWord(shipped.file)}; ` +
    'it is not of this release: where its owner brings a newer one, rather take that'
  );
}
