import { loadFederationFile } from '../../federation/config.ts';
import { UserError } from '../../federation/model/user-error.ts';
import type { FolderHome } from '../folder/folder-home.ts';
import { readHomeFile } from '../folder/home-file.ts';
import { folderLayout } from '../folder/layout.ts';

/** With the home of a folder that is a working copy of what Kubernetes has. */
export async function withHome(
  dir: string,
  run: (home: FolderHome | undefined) => Promise<void>,
): Promise<void> {
  const file = await readHomeFile(folderLayout(dir));
  if (file === undefined) {
    await run(undefined);
    return;
  }
  const loaded = await loadFederationFile(file.federationFile);
  if (loaded.kind !== 'kubernetes') throw new UserError(`${file.federationFile} has no section kubernetes`);
  const { openKubeClient } = await import('../kubernetes/membership/membership-settings.ts');
  const { kubernetesHome } = await import('../kubernetes/membership/kubernetes-home.ts');
  const { cluster, kubernetes: settings } = loaded.config;
  const client = await openKubeClient(settings);
  try {
    await run(kubernetesHome({ client, cluster, settings }));
  } finally {
    client.close();
  }
}
