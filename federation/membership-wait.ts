import type { MemberState } from '../clusters/kubernetes/membership/member-folder.ts';
import type { Waiting } from './admin/admin-server.ts';

/** What a federation service without a membership says of itself: it is ready only where waiting is known to be right. */
export function membershipWait(state: MemberState): Waiting {
  switch (state.kind) {
    case 'unknown': {
      const why = state.problem === undefined ? '' : `: ${state.problem}`;
      return {
        kind: 'starting',
        waitingFor: `the Kubernetes API to say whether this cluster is a member${why}`,
        hint: 'is the API server reachable from the pod, and has its service account the rights that the chart gives it?',
      };
    }
    case 'refused':
      return {
        kind: 'starting',
        waitingFor: `a membership that it can take: ${state.reason}`,
        hint: state.hint ?? 'isthmus cluster check says more',
      };
    default:
      return {
        kind: 'waiting',
        waitingFor: 'a membership: this cluster is not a member yet',
        hint: 'isthmus cluster register makes it one',
      };
  }
}
