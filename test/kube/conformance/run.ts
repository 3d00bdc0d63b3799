// npm run test:conformance:gateway-api -- [--report FILE] [--log FILE] [--test NAME] [--url URL] [--contact NAME,…]
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { UserError } from '../../../federation/model/user-error.ts';
import { Lifetime } from '../../../federation/runtime/lifetime.ts';
import { kubeCache } from '../../fixtures/kube-cache.ts';
import { findTool } from '../../fixtures/requirement.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';
import { packImage } from '../isthmus-release.ts';
import { KubeRun } from '../kube-run.ts';
import { noClustersHere } from '../requirement.ts';
import { makeMesh } from './mesh-cluster.ts';
import { meshFlags } from './mesh-flags.ts';
import { countsOf, isGood, linesOf } from './outcomes.ts';
import { buildSuite } from './suite-build.ts';
import { runSuite, type SuiteResult } from './suite-run.ts';
import { suiteVersion } from './suite-source.ts';

const manifest = z.object({ version: z.string() });
const { version } = manifest.parse(
  JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')),
);

const { values } = parseArgs({
  options: {
    report: { type: 'string' },
    log: { type: 'string', default: join(kubeCache().conformance, 'gateway-api.log') },
    test: { type: 'string' },
    url: { type: 'string' },
    contact: { type: 'string' },
  },
});

function say(line: string): void {
  console.log(`conformance: ${line}`);
}

/** @throws UserError naming what is missing here, and how to get it */
function requirePrograms(): void {
  const noClusters = noClustersHere();
  if (noClusters !== false) throw new UserError(`the suite needs a real cluster, and ${noClusters}`);
  const missing = ['go', 'unzip', 'git'].filter((name) => findTool(name) === undefined);
  if (missing.length === 0) return;
  const hint = 'Go 1.26 or later is at go.dev/dl; the others: apt-get install unzip git';
  throw new UserError(`the suite is built here, and these are missing: ${missing.join(', ')}`, { hint });
}

async function run(lifetime: Lifetime): Promise<SuiteResult> {
  const owner = { after: (end: () => void | Promise<void>) => lifetime.add(end) };
  const suite = await buildSuite(say);
  say('starting a cluster with Isthmus');
  const kube = await KubeRun.start(owner);
  const image = packImage(tempFolder(owner));
  const [cluster, archive] = await Promise.all([kube.up('mesh', 1), image]);
  await makeMesh(cluster, archive, suite);
  say(`running the mesh tests of Gateway API ${suiteVersion()}; what they say goes to ${values.log}`);
  const report = values.report === undefined ? undefined : resolve(values.report);
  const { test, url, contact } = values;
  const args = meshFlags({ manifests: suite.manifests, version, report, test, url, contact });
  const { program, manifests } = suite;
  mkdirSync(kubeCache().conformance, { recursive: true });
  return await runSuite({ program, args, cwd: manifests, kubeconfig: cluster.kubeconfig, log: values.log });
}

try {
  requirePrograms();
  await using lifetime = new Lifetime();
  const { outcomes, exitCode } = await run(lifetime);
  for (const line of linesOf(outcomes)) console.log(line);
  say(`Gateway API ${suiteVersion()}, mesh: ${countsOf(outcomes)}`);
  if (values.report !== undefined) say(`the report is ${values.report}`);
  if (!isGood(outcomes, exitCode)) {
    say(`the suite ended with ${exitCode ?? 'a signal'}; see ${values.log}`);
    process.exitCode = 1;
  }
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(error.hint === undefined ? error.message : `${error.message}\n${error.hint}`);
  process.exitCode = error.exitCode;
}
