import type { z } from 'zod';
import { UserError } from '../../federation/model/user-error.ts';
import { attempt } from '../commands/attempt.ts';
import type { ExecResult } from '../kubernetes/pod-exec.ts';
import type { Release, ReleaseSite } from './kubernetes-site.ts';

/** A release, and the cluster that it is in. */
export interface FoundRelease {
  readonly site: ReleaseSite;
  readonly release: Release;
}

/**
 * The one release there.
 * @param namespace undefined = found by its labels
 * @throws UserError when there is none, or more than one
 */
export async function findRelease(site: ReleaseSite, namespace: string | undefined): Promise<FoundRelease> {
  const releases = await site.releases(namespace);
  const [release] = releases;
  const where = namespace === undefined ? '' : ` in namespace ${namespace}`;
  if (release === undefined) {
    const elsewhere = namespace === undefined ? [] : await releasesAnywhere(site);
    const namespaces = elsewhere.map((each) => each.namespace).join(', ');
    const found = `it is in ${namespaces}: name that with --namespace, or leave --namespace out`;
    throw new UserError(`context ${site.context}: there is no release of the chart${where}`, {
      hint:
        elsewhere.length > 0
          ? found
          : `helm install isthmus charts/isthmus ${site.helmFlags} --namespace isthmus-system --create-namespace --set cluster.name=NAME`,
    });
  }
  if (releases.length === 1) return { site, release };
  const places = releases.map((each) => `${each.namespace}/${each.instance}`).join(', ');
  throw new UserError(`context ${site.context}: there are ${releases.length} releases: ${places}`, {
    hint: 'choose one with --namespace',
  });
}

/** For a hint; whoever may not look elsewhere gets none. */
async function releasesAnywhere(site: ReleaseSite): Promise<readonly Release[]> {
  const looked = await attempt(site.releases(undefined));
  return looked.kind === 'answered' ? looked.value : [];
}

/** What `isthmus cluster status` says in its pod, as far as `answer` reads it. @throws UserError */
export async function statusThere<T>(answer: z.ZodType<T>, { site, release }: FoundRelease): Promise<T> {
  const ran = await site.run(release, ['cluster', 'status', '--output', 'json']);
  const parsed = answer.safeParse(jsonOf(ran.stdout));
  // Its exit code is 3 where a program is not ready, which is told with the rest.
  if (parsed.success) return parsed.data;
  accepted(ran, { release });
  throw new UserError(`${release.cluster}: its status is not as it should be`, {
    hint: 'use the isthmus command of the same version as the chart',
  });
}

const MAX_SAID_CHARACTERS = 4_000;

/** @throws UserError as `refusal` */
export function accepted(ran: ExecResult, found: Pick<FoundRelease, 'release'>, secret?: string): ExecResult {
  if (ran.exitCode === 0) return ran;
  throw refusal(ran, found, secret);
}

/** What a program in a pod ended with: what it said on stderr, without the secret that it was handed, and its exit code. */
export function refusal(
  ran: ExecResult,
  { release }: Pick<FoundRelease, 'release'>,
  secret?: string,
): UserError {
  const plain = secret === undefined ? ran.stderr : ran.stderr.replaceAll(secret.trim(), '[token]');
  const [said = '', hint] = plain.trim().split(/\nhint: /);
  const reason = said.replace(/^(isthmus|error): /, '').slice(-MAX_SAID_CHARACTERS);
  return new UserError(`${release.cluster}: ${reason === '' ? `exit code ${ran.exitCode}` : reason}`, {
    hint:
      hint?.slice(0, MAX_SAID_CHARACTERS) ?? `see the log of the federation service in ${release.namespace}`,
    exitCode: ran.exitCode === 2 || ran.exitCode === 3 ? ran.exitCode : 1,
  });
}

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the schema refuses it.
    return undefined;
  }
}
