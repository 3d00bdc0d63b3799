import { join } from 'node:path';

/** Where things are in a cluster's folder. */
export interface FolderLayout {
  readonly root: string;
  /** Who the cluster is, and who made it a member. */
  readonly clusterFile: string;
  readonly gatewayFile: string;
  readonly federationFile: string;
  readonly trust: string;
  readonly bundleFile: string;
  /** PEM of the authority behind the store's certificate, where it has one of its own. */
  readonly storeCaFile: string;
  readonly gatewaySecretFile: string;
  readonly storePasswordFile: string;
  /** Only at the trust home: with it `invite` makes store users. */
  readonly storeAdminPasswordFile: string;
  readonly resources: string;
  readonly peers: string;
  readonly invites: string;
}

export function folderLayout(root: string): FolderLayout {
  return {
    root,
    clusterFile: join(root, 'cluster.yaml'),
    gatewayFile: join(root, 'gateway.yaml'),
    federationFile: join(root, 'federation.yaml'),
    trust: join(root, 'trust'),
    bundleFile: join(root, 'trust', 'bundle.json'),
    storeCaFile: join(root, 'trust', 'store-ca.pem'),
    gatewaySecretFile: join(root, 'secrets', 'gateway-secret'),
    storePasswordFile: join(root, 'secrets', 'store-password'),
    storeAdminPasswordFile: join(root, 'secrets', 'store-admin-password'),
    resources: join(root, 'resources'),
    peers: join(root, 'resources', 'peers'),
    invites: join(root, 'state', 'invites'),
  };
}
