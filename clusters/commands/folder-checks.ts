import { elapsed } from '../../federation/model/elapsed.ts';
import { hostPort } from '../../federation/model/endpoint.ts';
import type { UserError } from '../../federation/model/user-error.ts';
import { bundlesFor } from '../../trust/bundle.ts';
import { type ClusterTrust, loadTrustFolder } from '../../trust/folder.ts';
import { type ClusterFile, localClusterOf } from '../folder/cluster-file.ts';
import type { FolderLayout } from '../folder/layout.ts';
import { dialFailure } from '../join/dial-failure.ts';
import { probeGateway } from '../join/gateway-probe.ts';
import { parseHostPort } from './address.ts';
import { attempt } from './attempt.ts';
import { type CheckStep, failed, failedBy, ok, skipped } from './check-step.ts';
import type { ConfiguredCluster, PeerReport, Programs } from './programs.ts';

const DAY_MS = 86_400_000;
const ROOT_WARNING_MS = 365 * DAY_MS;

/** The configuration files parse, and are all of the cluster that cluster.yaml names. */
export async function configurationChecks(
  layout: FolderLayout,
  file: ClusterFile,
  programs: Programs,
): Promise<readonly CheckStep[]> {
  const read = async (
    name: string,
    path: string,
    reading: Promise<ConfiguredCluster>,
  ): Promise<CheckStep> => {
    const answer = await attempt(reading);
    if (answer.kind === 'failed') return failedBy(name, answer.error);
    const { cluster, clusterset } = answer.value;
    if (cluster === file.cluster && clusterset === file.clusterset) return ok(name, path);
    return failed(
      name,
      `${path} is for ${cluster} of ${clusterset}, ${layout.clusterFile} for ${file.cluster} of ${file.clusterset}`,
      'use the files of one cluster: init and join write them together',
    );
  };
  return Promise.all([
    read('gateway.yaml', layout.gatewayFile, programs.readGatewayFile(layout.gatewayFile)),
    read('federation.yaml', layout.federationFile, programs.readFederationFile(layout.federationFile)),
  ]);
}

export interface TrustCheck {
  readonly steps: readonly CheckStep[];
  readonly trust: ClusterTrust | undefined;
}

/** The trust folder is whole, and nothing in it ends soon. */
export async function trustCheck(
  layout: FolderLayout,
  file: ClusterFile,
  nowMs: number,
): Promise<TrustCheck> {
  const { trustDomain } = localClusterOf(file);
  const answer = await attempt(loadTrustFolder(layout.trust, { nowMs, trustDomain }));
  if (answer.kind === 'failed') return { steps: [failedBy('trust', answer.error)], trust: undefined };
  return { steps: [judgeTimes(answer.value, nowMs)], trust: answer.value };
}

export function judgeTimes(
  trust: Pick<
    ClusterTrust,
    'folder' | 'root' | 'intermediateRenewalMs' | 'intermediateNotAfterMs' | 'rootNotAfterMs'
  >,
  nowMs: number,
): CheckStep {
  const { intermediateNotAfterMs, intermediateRenewalMs, rootNotAfterMs, folder } = trust;
  const left = `${folder}: intermediate for ${elapsed(intermediateNotAfterMs - nowMs)}, root for ${elapsed(rootNotAfterMs - nowMs)}`;
  if (nowMs >= intermediateRenewalMs) {
    return failed(
      'trust',
      `${left}: the intermediate should have been renewed`,
      trust.root === undefined
        ? 'have a new one signed: isthmus trust init --request here, isthmus trust sign where the root is'
        : 'is the federation service running? It renews it where the root is',
    );
  }
  if (rootNotAfterMs - nowMs < ROOT_WARNING_MS) {
    return failed(
      'trust',
      `${left}: the root ends within a year`,
      'found a new root, and plan the change of it',
    );
  }
  return ok('trust', left);
}

/** Each advertised address leads to this very cluster's gateway. */
export async function advertisedChecks(
  file: ClusterFile,
  trust: ClusterTrust | undefined,
  nowMs: number,
): Promise<readonly CheckStep[]> {
  const { trustDomain } = localClusterOf(file);
  if (trust === undefined) return [skipped('advertised', 'the trust folder cannot be used')];
  const bundles = bundlesFor([trustDomain], trust.bundle);
  return Promise.all(
    file.gateways.map(async (address) => {
      const name = `advertised ${address}`;
      try {
        await probeGateway(parseHostPort('gateways', address), { bundles, trustDomain, nowMs });
        return ok(name, `the gateway of ${file.cluster} answers`);
      } catch (failure) {
        return failed(
          name,
          dialFailure(failure),
          'is the gateway running, and does this address (gateways in federation.yaml and cluster.yaml) lead to its mesh listener?',
        );
      }
    }),
  );
}

/** Each address of each peer leads, by TLS, to a gateway of just that peer. */
export async function peerGatewayChecks(
  peers: readonly PeerReport[],
  trust: ClusterTrust | undefined,
  nowMs: number,
): Promise<readonly CheckStep[]> {
  if (trust === undefined) return [];
  const probed = peers
    .filter(({ reach }) => reach !== 'left')
    .flatMap(({ cluster, trustDomain, gateways }) =>
      gateways.map((address) => ({ cluster, trustDomain, address })),
    );
  return await Promise.all(
    probed.map(async ({ cluster, trustDomain, address }) => {
      const name = `TLS to ${cluster} at ${hostPort(address.host, address.port)}`;
      try {
        const bundles = bundlesFor([trustDomain], trust.bundle);
        await probeGateway(address, { bundles, trustDomain, nowMs });
        return ok(name, `a gateway of ${cluster} answers`);
      } catch (failure) {
        const cure = `is that address reached from here, and is a gateway of ${cluster} behind it? run isthmus cluster check in ${cluster}`;
        return failed(name, dialFailure(failure), cure);
      }
    }),
  );
}

export function folderCheck(layout: FolderLayout, answer: ClusterFile | UserError): CheckStep {
  if (answer instanceof Error) return failedBy('folder', answer);
  const home = answer.trustHome ? ', trust home' : '';
  return ok('folder', `${layout.root} is ${answer.cluster}'s, of ${answer.clusterset}${home}`);
}
