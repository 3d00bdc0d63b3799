import type { ResourceType } from '../resource-type.ts';

const core = (plural: string, namespaced = true): ResourceType => ({
  group: '',
  version: 'v1',
  plural,
  namespaced,
});

export const SECRETS = core('secrets');
export const CONFIG_MAPS = core('configmaps');
export const SERVICES = core('services');
export const NODES = core('nodes', false);
export const CLUSTER_PEERS: ResourceType = {
  group: 'isthmus.io',
  version: 'v1alpha1',
  plural: 'clusterpeers',
  namespaced: false,
};

/** On all that Isthmus makes by itself. */
export const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'isthmus' } as const;
