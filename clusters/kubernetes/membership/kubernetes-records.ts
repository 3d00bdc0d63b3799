import { UserError } from '../../../federation/model/user-error.ts';
import type { MembershipRecords, PeerRecords } from '../../folder/records.ts';
import { type Invites, judgeInvite, makeInvite, type Redemption } from '../../join/invites.ts';
import type { KubeClient } from '../kube-client.ts';
import { KubeError } from '../kube-error.ts';
import type { InvitesSecret } from './invites-secret.ts';
import { CLUSTER_PEERS, MANAGED_BY } from './resource-types.ts';

/** Of fields that nobody else sets; `allowedNamespaces` is for others to say. */
const FIELD_MANAGER = 'isthmus-membership';

/** Invites in a Secret, peers as ClusterPeer objects. */
export function kubernetesRecords(
  client: Pick<KubeClient, 'get' | 'apply' | 'delete'>,
  invites: InvitesSecret,
): MembershipRecords {
  return { invites: invitesOf(invites), peers: peersOf(client) };
}

function invitesOf(kept: InvitesSecret): Invites {
  return {
    create: async (cluster, expiresAtMs, nowMs) => {
      const { invite, record } = makeInvite(cluster, expiresAtMs);
      await kept.change(nowMs, (invites) => new Map([...invites, [invite.id, record]]));
      return invite;
    },
    check: async (claim) => {
      const found = (await kept.read()).get(claim.id);
      return judgeInvite(found, found?.usedAtMs !== undefined, claim);
    },
    redeem: async (claim) => {
      let verdict: Redemption = { kind: 'refused', reason: 'unknown' };
      await kept.change(claim.nowMs, (invites) => {
        const found = invites.get(claim.id);
        verdict = judgeInvite(found, found?.usedAtMs !== undefined, claim);
        if (found === undefined || verdict.kind === 'refused') return undefined;
        return new Map([...invites, [claim.id, { ...found, usedAtMs: claim.nowMs }]]);
      });
      return verdict;
    },
  };
}

function peersOf(client: Pick<KubeClient, 'get' | 'apply' | 'delete'>): PeerRecords {
  return {
    has: async (name) => {
      try {
        await client.get(CLUSTER_PEERS, { name });
        return true;
      } catch (failure) {
        if (!KubeError.isNotFound(failure)) throw failure;
        // The object, or its whole kind; writing tells which.
        return false;
      }
    },
    write: async ({ cluster, trustDomain, gateways }) => {
      const object = {
        apiVersion: 'isthmus.io/v1alpha1',
        kind: 'ClusterPeer',
        metadata: { name: cluster, labels: MANAGED_BY },
        spec: { trustDomain, gateways: [...gateways] },
      };
      try {
        await client.apply(CLUSTER_PEERS, object, { fieldManager: FIELD_MANAGER });
      } catch (failure) {
        if (!KubeError.isNotFound(failure)) throw failure;
        throw new UserError('this cluster has no kind ClusterPeer', {
          hint: "install Isthmus' CRDs: they are a part of its chart",
          cause: failure,
        });
      }
    },
    remove: async (name) => {
      try {
        await client.delete(CLUSTER_PEERS, { name });
      } catch (failure) {
        if (!KubeError.isNotFound(failure)) throw failure;
      }
    },
  };
}
