import { UserError } from '../../federation/model/user-error.ts';
import type { Release, ReleaseSite } from './kubernetes-site.ts';
import { type ContextFlags, untilInterrupted, withRelease } from './open-release.ts';
import { accepted, jsonOf } from './release-program.ts';

const GATEWAY_FILE = '/etc/isthmus/gateway.yaml';

/** What a gateway of the cluster answers to `isthmus why`, as JSON. @throws UserError */
export async function askWhyByContext(flags: ContextFlags, args: readonly string[]): Promise<unknown> {
  let answer: unknown;
  await withRelease(flags, untilInterrupted(), async ({ site, release }) => {
    const pod = (await site.pods(release, 'gateway')).find(({ ready }) => ready);
    if (pod === undefined) throw noGateway(site, release);
    const command = ['why', '--config', GATEWAY_FILE, '--output', 'json', ...args];
    const ran = await site.runIn(release, { component: 'gateway', pod: pod.name }, command);
    answer = jsonOf(accepted(ran, { release }).stdout);
  });
  return answer;
}

function noGateway({ context, flags }: ReleaseSite, { namespace }: Release): UserError {
  return new UserError(`context ${context}: no gateway is ready, so none can be asked`, {
    hint: `isthmus cluster check ${flags} says why; the pods are in ${namespace}`,
  });
}
