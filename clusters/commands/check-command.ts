import { UserError } from '../../federation/model/user-error.ts';
import { type ClusterFile, readClusterFile } from '../folder/cluster-file.ts';
import { type SightLayout, sightLayout } from '../folder/home-file.ts';
import type { FolderLayout } from '../folder/layout.ts';
import { attempt } from './attempt.ts';
import { type CheckStep, failedBy, ok, stepLine } from './check-step.ts';
import {
  advertisedChecks,
  configurationChecks,
  folderCheck,
  peerGatewayChecks,
  trustCheck,
} from './folder-checks.ts';
import type { LookContext, LookFlags } from './list-command.ts';
import type { Programs } from './programs.ts';
import { federationChecks, gatewayChecks, reportedStoreChecks } from './report-checks.ts';

export interface CheckContext extends LookContext {
  readonly nowMs: number;
}

/** `isthmus cluster check`: every step with what was found and what to do about it. Exit code 3 when one failed. */
export async function checkCommand({ dir }: LookFlags, context: CheckContext): Promise<void> {
  const { output } = context;
  const steps = await takeSteps(await sightLayout(dir), context);
  const failures = steps.filter(({ state }) => state === 'failed').length;
  output.result({ ok: failures === 0, steps }, () => steps.map((step) => stepLine(step, output)).join('\n'));
  if (failures === 0) return;
  throw new UserError(`${failures} of ${steps.length} checks failed`, { exitCode: 3 });
}

async function takeSteps(layout: SightLayout, context: CheckContext): Promise<readonly CheckStep[]> {
  const { output, programs, nowMs } = context;
  const folder = await attempt(readClusterFile(layout));
  // Without knowing whose folder it is nothing else can be judged.
  if (folder.kind === 'failed') return [folderCheck(layout, folder.error)];
  const file = folder.value;
  if (layout.inKubernetes) return takeKubernetesSteps(layout, file, context);
  const configuration = await configurationChecks(layout, file, programs);
  const { steps: trustSteps, trust } = await trustCheck(layout, file, nowMs);
  output.progress('asking the store, the federation service and the gateways');
  const [store, federation, gateway, advertised] = await Promise.all([
    storeCheck(layout, programs),
    attempt(programs.askFederation(layout.federationFile)),
    attempt(programs.askGateway(layout.gatewayFile)),
    advertisedChecks(file, trust, nowMs),
  ]);
  return [
    folderCheck(layout, file),
    ...configuration,
    ...trustSteps,
    store,
    ...federationChecks(federation),
    ...gatewayChecks(gateway, federation),
    ...advertised,
  ];
}

/** Programs and store have their files in the chart; what they find the federation service says. */
async function takeKubernetesSteps(
  layout: SightLayout,
  file: ClusterFile,
  { output, programs, nowMs }: CheckContext,
): Promise<readonly CheckStep[]> {
  const { steps: trustSteps, trust } = await trustCheck(layout, file, nowMs);
  output.progress('asking the federation service and the gateways');
  const [federation, advertised] = await Promise.all([
    attempt(programs.askFederation(layout.federationFile)),
    advertisedChecks(file, trust, nowMs),
  ]);
  const peers = federation.kind === 'answered' ? federation.value.peers : [];
  return [
    folderCheck(layout, file),
    ...trustSteps,
    ...reportedStoreChecks(federation),
    ...federationChecks(federation),
    ...advertised,
    ...(await peerGatewayChecks(peers, trust, nowMs)),
  ];
}

async function storeCheck(layout: FolderLayout, programs: Programs): Promise<CheckStep> {
  const answer = await attempt(programs.checkStore(layout.federationFile));
  if (answer.kind === 'failed') return failedBy('store', answer.error);
  return ok('store', 'answers, and lets this cluster publish and read');
}
