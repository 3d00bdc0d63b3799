import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { METRICS, type MetricDefinition } from '../../federation/model/metrics.ts';
import { alertQueries, dashboards, panelQueries } from './queries.ts';

const definitions: ReadonlyMap<string, MetricDefinition> = new Map(
  Object.values(METRICS).map((each) => [each.name, each]),
);
/** Labels that Prometheus and its operator put on what they scrape. */
const SCRAPED = ['instance', 'job', 'namespace', 'le'];

/** What a histogram is called in its series, and others by their own name. */
function definitionOf(series: string): MetricDefinition | undefined {
  const histogram = definitions.get(series.replace(/_(bucket|sum|count)$/, ''));
  return histogram?.kind === 'histogram' ? histogram : definitions.get(series);
}

describe('queries of dashboards and alerts', () => {
  for (const { where, expression } of [...panelQueries(), ...alertQueries()]) {
    it(`${where}: use only metrics and labels that there are`, () => {
      const series = expression.match(/isthmus_\w+/g) ?? [];
      assert.ok(series.length > 0, 'asks for no metric');
      const labels = new Set(SCRAPED);
      for (const name of series) {
        const definition = definitionOf(name);
        assert.ok(definition, `federation/model/metrics.ts has no ${name}`);
        if (definition.kind === 'histogram') assert.match(name, /_(bucket|sum|count)$/);
        for (const label of definition.labels) labels.add(label);
      }
      for (const label of labelsOf(expression))
        assert.ok(labels.has(label), `${series.join()} have no label ${label}`);
    });
  }

  it('count counters by rate, and gauges not', () => {
    for (const { where, expression } of [...panelQueries(), ...alertQueries()]) {
      for (const [, before = '', name = ''] of expression.matchAll(/(\w*\(?)(isthmus_\w+)/g)) {
        const counts = definitionOf(name)?.kind !== 'gauge';
        assert.equal(/^(rate|increase)\($/.test(before), counts, `${where}: ${before}${name}`);
      }
    }
  });
});

function labelsOf(expression: string): readonly string[] {
  const grouped = [...expression.matchAll(/\b(?:by|without|on|ignoring) \(([^)]*)\)/g)].flatMap(
    ([, list = '']) => list.split(',').map((label) => label.trim()),
  );
  const selected = [...expression.matchAll(/[{,]\s*(\w+)(?:=|!=|=~|!~)"/g)].map(([, label = '']) => label);
  return [...grouped, ...selected];
}

describe('dashboards', () => {
  it('explain each panel, and are told apart', () => {
    const all = dashboards();
    assert.deepEqual(
      all.map(({ uid }) => uid),
      ['isthmus-clusters', 'isthmus-failover', 'isthmus-traffic'],
    );
    for (const { title, panels } of all) {
      for (const each of panels.filter(({ targets }) => targets.length > 0)) {
        assert.ok(each.description, `${title}: ${each.title} has no description`);
      }
    }
  });

  it('use the variables that they define, and no others', () => {
    for (const { title, panels, templating } of dashboards()) {
      const defined = templating.list.map(({ name }) => name);
      const text = JSON.stringify([panels, templating.list]);
      const used = new Set([...text.matchAll(/\$\{?(?!__)(\w+)/g)].map(([, name]) => name));
      assert.deepEqual([...used].sort(), [...defined].sort(), title);
    }
  });
});
