import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../../federation/model/user-error.ts';
import { kubeApiServerPath } from '../../fixtures/kube-api-server.ts';
import { kubeCache } from '../../fixtures/kube-cache.ts';
import { findTool } from '../../fixtures/requirement.ts';
import type { PropagationSizes } from './propagation-bench.ts';

const ALL = { services: 10_000, endpoints: 25, perSecond: 325, seconds: 30, warmSeconds: 30 } as const;
const FEW = { ...ALL, services: 1000, seconds: 5, warmSeconds: 5 } as const;

export function propagationSizes(quick: boolean, services: number | undefined): PropagationSizes {
  const sizes = quick ? FEW : ALL;
  const count = services ?? sizes.services;
  // Few services change once a second each, so that a trial of the bench itself does not ask for the whole machine.
  return { ...sizes, services: count, perSecond: Math.min(sizes.perSecond, count) };
}

/** @throws UserError naming what is missing, and what brings it */
export function checkPropagationTools(): void {
  if (!existsSync(kubeApiServerPath()) || !existsSync(join(kubeApiServerPath(), '../etcd'))) {
    throw new UserError(`missing: etcd and kube-apiserver beside ${kubeApiServerPath()}`, {
      hint: 'npm run test:kube:build -- api (needs Go 1.26), or name their folder by KUBEBUILDER_ASSETS',
    });
  }
  // The chart's own rights and kinds are what west has.
  if (findTool('helm') === undefined && !existsSync(join(kubeCache().programs, 'helm'))) {
    throw new UserError('missing: helm', { hint: 'npm run test:kube:build -- api' });
  }
  if (findTool('redis-server') === undefined) {
    throw new UserError('missing: redis-server', {
      hint: 'install it (Debian: apt-get install redis-server)',
    });
  }
}
