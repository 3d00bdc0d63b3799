import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shippedChart } from './chart-definitions.ts';
import { definitionSchema, lackOf } from './schema-age.ts';

const FILTER = {
  properties: { type: { enum: ['Cors', 'Mirror'] }, cors: { properties: { origins: {} } }, mirror: {} },
};
const SPEC = {
  properties: {
    drain: { properties: { since: {} } },
    rules: { items: { properties: { filters: { items: FILTER } } } },
    limits: { additionalProperties: { properties: { most: {} } } },
    any: { properties: { thing: {} } },
  },
};

function definition(spec: object, versions: Readonly<Record<string, boolean>> = { v1: true }) {
  const openAPIV3Schema = { properties: { kind: {}, metadata: { properties: { name: {} } }, spec } };
  return definitionSchema.parse({
    metadata: { name: 'things.example' },
    spec: {
      group: 'example',
      versions: Object.entries(versions).map(([name, served]) => ({
        name,
        served,
        schema: { openAPIV3Schema },
      })),
    },
  });
}

describe('a definition of a cluster', () => {
  it('lacks nothing when it is the same, or newer', () => {
    const newer = { properties: { ...SPEC.properties, more: {} } };
    assert.equal(lackOf(definition(SPEC), definition(SPEC)), undefined);
    assert.equal(lackOf(definition(SPEC), definition(newer, { v2: true, v1: true })), undefined);
  });

  it('lacks fields, each told once by its path, and values', () => {
    const filters = { items: { properties: { type: { enum: ['Mirror'] }, mirror: {} } } };
    const older = {
      properties: {
        rules: { items: { properties: { filters } } },
        limits: { additionalProperties: { properties: {} } },
        any: { 'x-kubernetes-preserve-unknown-fields': true },
      },
    };
    assert.deepEqual(lackOf(definition(SPEC), definition(older))?.fields, [
      'spec.drain',
      'spec.rules[].filters[].type=Cors',
      'spec.rules[].filters[].cors',
      'spec.limits.*.most',
    ]);
  });

  it('lacks the newest version when it does not serve that; the next is compared', () => {
    const ours = definition(SPEC, { v1alpha1: true, v1: true, v1beta1: true, v1alpha2: true });
    const theirs = definition({ properties: {} }, { v1: false, v1beta1: true, v1alpha1: true });
    const lack = lackOf(ours, theirs);
    assert.equal(lack?.version, 'v1');
    assert.deepEqual(lack.fields.length, 4);
    assert.equal(lackOf(ours, definition(SPEC, { v1alpha2: true }))?.version, 'v1');
  });
});

describe('the chart that comes with the command', () => {
  it('has the definitions of all kinds, none of which lacks anything of itself', async () => {
    const chart = await shippedChart();
    const names = chart?.definitions.map(({ definition }) => definition.metadata.name) ?? [];
    for (const name of [
      'clusterpeers.isthmus.io',
      'serviceexports.multicluster.x-k8s.io',
      'httproutes.gateway.networking.k8s.io',
    ]) {
      assert.ok(names.includes(name), `${name}: ${names}`);
    }
    for (const { definition } of chart?.definitions ?? [])
      assert.equal(lackOf(definition, definition), undefined);
  });
});
