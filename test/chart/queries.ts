import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const CHART = join(import.meta.dirname, '../../charts/isthmus');
export const ALERTS = join(CHART, 'alerts', 'isthmus.yaml');

/** A question to Prometheus, and where it stands. */
export interface Query {
  readonly where: string;
  readonly expression: string;
}

const panel = z.looseObject({
  title: z.string(),
  description: z.string().optional(),
  targets: z.array(z.looseObject({ expr: z.string() })).default([]),
});
const dashboard = z.looseObject({
  uid: z.string(),
  title: z.string(),
  panels: z.array(panel),
  templating: z.looseObject({
    list: z.array(z.looseObject({ name: z.string(), definition: z.string().optional() })),
  }),
});

export type Dashboard = z.infer<typeof dashboard>;

export function dashboards(): readonly Dashboard[] {
  const folder = join(CHART, 'dashboards');
  return readdirSync(folder).map((file) =>
    dashboard.parse(JSON.parse(readFileSync(join(folder, file), 'utf8'))),
  );
}

/** Of each panel, as Grafana would send them with every variable at "All". */
export function panelQueries(): readonly Query[] {
  return dashboards().flatMap(({ title, panels }) =>
    panels.flatMap((each) =>
      each.targets.map(({ expr }) => ({
        where: `${title}: ${each.title}`,
        expression: expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$\w+/g, '.*'),
      })),
    ),
  );
}

const rules = z.object({
  groups: z.array(z.object({ rules: z.array(z.looseObject({ alert: z.string(), expr: z.string() })) })),
});

export function alertQueries(): readonly Query[] {
  return rules
    .parse(parse(readFileSync(ALERTS, 'utf8')))
    .groups.flatMap((group) => group.rules.map(({ alert, expr }) => ({ where: alert, expression: expr })));
}
