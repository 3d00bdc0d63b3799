import { loadFederationConfig, loadFederationFile } from '../../federation/config.ts';
import type { LocalCluster } from '../../federation/model/cluster.ts';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { readStoreAccess } from '../../federation/store-access.ts';
import type { GatewayConfig } from '../../gateway/config.ts';
import type { ConfiguredCluster, Programs } from '../commands/programs.ts';
import type { FolderHome } from '../folder/folder-home.ts';
import type { CreateStoreUser } from '../folder/store-access.ts';

/** Loaded when needed: who only invites does not wait for the code of gateways. */
export function storeUserMaker(home: FolderHome | undefined): CreateStoreUser {
  return async (request) => {
    const acl = await import('../../federation/store/acl.ts');
    const persistence = await acl.createStoreUser(request);
    // Only after: what is kept for a user that was not made would lock out the one that is there.
    await home?.keepStoreUser?.(request.user.username, acl.userLine(request));
    return persistence;
  };
}

/** The running programs, by their configuration files; what asks them is loaded when they are asked. */
export const programs: Programs = {
  readGatewayFile: async (file) => configuredCluster((await readGateway(file)).local),
  readFederationFile: async (file) => configuredCluster((await loadFederationConfig(file)).local),
  askFederation: async (file) => {
    const { askState } = await import('../../federation/admin/status-client.ts');
    return askState((await loadFederationFile(file)).config.admin);
  },
  askServices: async (file) => {
    const { askServices } = await import('../../federation/admin/status-client.ts');
    return askServices((await loadFederationFile(file)).config.admin);
  },
  askGateway: async (file) => {
    const { askStatus } = await import('../../gateway/admin/status-client.ts');
    return askStatus((await readGateway(file)).admin);
  },
  checkStore: async (file) => {
    const { openStore } = await import('../../federation/store/open.ts');
    const { local, store } = await loadFederationConfig(file);
    const { clusterset, name } = local;
    const access = await readStoreAccess(store);
    const driver = openStore(access, { clusterset, clock: SYSTEM_CLOCK, random: Math.random });
    try {
      await driver.check(name);
    } finally {
      await driver.close();
    }
  },
  leave: async (file, cluster) => {
    const { askToLeave } = await import('../../federation/admin/status-client.ts');
    return askToLeave((await loadFederationFile(file)).config.admin, cluster);
  },
};

async function readGateway(file: string): Promise<GatewayConfig> {
  const { loadGatewayConfig } = await import('../../gateway/config.ts');
  return loadGatewayConfig(file);
}

function configuredCluster({ name, clusterset }: LocalCluster): ConfiguredCluster {
  return { cluster: name, clusterset };
}
