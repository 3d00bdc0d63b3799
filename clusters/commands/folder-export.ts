import { type ServiceName, serviceKey } from '../../federation/model/service.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { readClusterFile } from '../folder/cluster-file.ts';
import { sightLayout } from '../folder/home-file.ts';
import type { FolderLayout } from '../folder/layout.ts';
import { hasService, removeExport, writeExport } from '../folder/service-files.ts';
import { attempt } from './attempt.ts';
import type { CommandOutput } from './command-output.ts';
import type { Programs, ServiceReport } from './programs.ts';
import { usageError } from './usage-error.ts';

const LOOK_MS = 200;

export interface FolderExportWish {
  /** The cluster's folder. */
  readonly dir: string;
  readonly service: ServiceName;
  readonly timeoutMs: number;
}

export interface FolderExportContext {
  readonly output: CommandOutput;
  readonly programs: Pick<Programs, 'askServices' | 'askFederation'>;
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
}

/** `isthmus service export --dir`: writes the ServiceExport, and waits until others can read it. */
export async function exportInFolder(wish: FolderExportWish, context: FolderExportContext): Promise<void> {
  const { service, dir } = wish;
  const key = serviceKey(service);
  const layout = await folderOf(dir);
  if (!(await hasService(layout, service))) {
    throw new UserError(`${layout.resources} has no Service ${key}`, {
      hint: 'write its Service and EndpointSlices there first, as YAML',
    });
  }
  const file = await writeExport(layout, service);
  const report = await published(layout, wish, context);
  const exported = report?.exported === 'published';
  const clusters = report?.clusters.map(({ cluster }) => cluster) ?? [];
  const conflicts = report?.conflicts ?? [];
  const { output } = context;
  output.result({ service: key, exported, file, clusters, conflicts }, () =>
    [
      `${output.style(exported ? 'green' : 'red', exported ? '✔' : '✖')} ${key} ${exported ? 'is exported' : 'is not exported yet'}, by ${file}`,
      ...(clusters.length === 0 ? [] : [`  exported by: ${clusters.join(', ')}`]),
      ...conflicts.map((conflict) => `  conflict: ${conflict}`),
    ].join('\n'),
  );
  if (!exported) throw await unheeded(layout, wish, context);
}

/** `isthmus service unexport --dir`: takes the ServiceExport out of whichever file has it. */
export async function unexportInFolder(
  { dir, service }: Pick<FolderExportWish, 'dir' | 'service'>,
  output: CommandOutput,
): Promise<void> {
  const layout = await folderOf(dir);
  const key = serviceKey(service);
  const files = await removeExport(layout, service);
  if (files.length === 0) {
    throw new UserError(`${key} is not exported: no file of ${layout.resources} has its ServiceExport`, {
      hint: `isthmus service list --dir ${dir} shows what is`,
    });
  }
  output.result(
    { service: key, exported: false, files },
    () => `${output.style('green', '✔')} ${key} is no longer exported (${files.join(', ')})`,
  );
}

async function folderOf(dir: string): Promise<FolderLayout> {
  const layout = await sightLayout(dir);
  if (layout.inKubernetes) {
    throw usageError(
      `${dir} is a working copy of what Kubernetes has`,
      'run this outside the pod, with --context',
    );
  }
  await readClusterFile(layout);
  return layout;
}

/** What the federation service says of it last; undefined where it does not answer or does not know it. */
async function published(
  { federationFile }: FolderLayout,
  { service, timeoutMs }: FolderExportWish,
  { programs, output, now, sleep }: FolderExportContext,
): Promise<ServiceReport | undefined> {
  const endsMs = now() + timeoutMs;
  for (;;) {
    const answer = await attempt(programs.askServices(federationFile));
    const services = answer.kind === 'answered' ? answer.value : [];
    const report = services.find((each) => each.service === serviceKey(service));
    if (report?.exported === 'published' || now() >= endsMs) return report;
    output.progress(answer.kind === 'answered' ? 'waiting until it is published' : answer.error.message);
    await sleep(LOOK_MS);
  }
}

/** Why it is not published, by the service's own word. */
async function unheeded(
  { federationFile }: FolderLayout,
  { service, timeoutMs, dir }: FolderExportWish,
  { programs }: FolderExportContext,
): Promise<UserError> {
  const answer = await attempt(programs.askFederation(federationFile));
  const what = `${serviceKey(service)} is not exported after ${timeoutMs / 1_000} s`;
  const stays = 'the ServiceExport stays';
  if (answer.kind === 'failed') {
    const hint = `${stays}; ${answer.error.hint ?? 'start the federation service'}`;
    return new UserError(`${what}: ${answer.error.message}`, { hint, exitCode: 3 });
  }
  const { store, resourceProblems } = answer.value;
  const problem = resourceProblems.find(({ where, message }) =>
    [where, message].some((text) => text.includes(serviceKey(service))),
  );
  const why = store.state === 'down' ? (store.problem ?? 'the store does not answer') : problem?.message;
  return new UserError(`${what}${why === undefined ? '' : `: ${why}`}`, {
    hint: `${stays}; ${problem?.hint ?? `isthmus cluster check --dir ${dir} says what is wrong`}`,
    exitCode: 3,
  });
}
