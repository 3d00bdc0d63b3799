import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import { kubeCache } from '../fixtures/kube-cache.ts';
import { findTool, skipReason } from '../fixtures/requirement.ts';

export const CHART = join(import.meta.dirname, '../../charts/isthmus');
export const RELEASE = 'isthmus';
export const NAMESPACE = 'isthmus-system';

/** What every object of Kubernetes has, as far as the tests look at it. */
const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
});

export type Manifest = z.infer<typeof manifest>;

export interface HelmResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function helmPath(): string | undefined {
  const assets = process.env.KUBEBUILDER_ASSETS ?? kubeCache().programs;
  return findTool('helm') ?? [join(assets, 'helm')].find((path) => existsSync(path));
}

/** For a suite: `{ skip: missingHelm() }`. */
export function missingHelm(): string | false {
  return helmPath() === undefined
    ? skipReason('missing: helm; to run this: npm run test:kube:build (needs Go 1.26)')
    : false;
}

/** Runs helm to its end, away from what the user has configured. */
export function helm(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): HelmResult {
  const path = helmPath();
  if (path === undefined) throw new Error('no helm: the suite must look with missingHelm first');
  const home = { HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder };
  const { status, stdout, stderr, error } = spawnSync(path, args, {
    encoding: 'utf8',
    env: { ...process.env, KUBECONFIG: '/dev/null', ...home, ...env },
    maxBuffer: 256 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  return { code: status ?? -1, stdout, stderr };
}

/** The values in a file of their own, as a user would have them. */
export function valuesFile(folder: string, values: object): string {
  const path = join(folder, 'values.yaml');
  writeFileSync(path, stringify(values));
  return path;
}

/** `helm template`, without a cluster: `lookup` finds nothing. */
export function template(folder: string, values: object, ...flags: readonly string[]): HelmResult {
  const file = valuesFile(folder, values);
  return helm(folder, ['template', RELEASE, CHART, '--namespace', NAMESPACE, '--values', file, ...flags]);
}

/** What the chart makes of these values, parsed. */
export function manifests(folder: string, values: object, ...flags: readonly string[]): readonly Manifest[] {
  const { code, stdout, stderr } = template(folder, values, ...flags);
  if (code !== 0) throw new Error(`helm template failed: ${stderr}`);
  return parseManifests(stdout);
}

export function parseManifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text, { merge: true })
    .map((document) => {
      const [mistake] = document.errors;
      if (mistake !== undefined) throw mistake;
      return document.toJS() as unknown;
    })
    .filter((found) => found !== null)
    .map((found) => manifest.parse(found));
}

/** The one object of that kind and name. */
export function only(found: readonly Manifest[], kind: string, name: string): Manifest {
  const [one, ...more] = found.filter((each) => each.kind === kind && each.metadata.name === name);
  if (one === undefined || more.length > 0) throw new Error(`${more.length + (one ? 1 : 0)} ${kind} ${name}`);
  return one;
}
