import { z } from 'zod';
import { UserError } from '../../federation/model/user-error.ts';
import { askGateways } from '../context/gateway-sight.ts';
import type { Release, ReleaseSite } from '../context/kubernetes-site.ts';
import { accepted, type FoundRelease, findRelease, jsonOf, statusThere } from '../context/release-program.ts';
import type { ExecResult } from '../kubernetes/pod-exec.ts';
import { type CheckStep, failedBy, ok, stepsOrFailure, warning } from './check-step.ts';
import { concernsOf, type MemberSight, memberSight, missingOf, statusAnswer } from './registration-sight.ts';

export interface RegistrationPlan {
  /** The cluster that is to join. */
  readonly cluster: string;
  /** Of a clusterset that has to be founded first. */
  readonly clusterset: string;
  /** Of the releases; undefined = found by their labels. */
  readonly namespace: string | undefined;
  /** For joining, and then for the wait. */
  readonly timeoutMs: number;
}

export interface RegistrationContext {
  readonly joiner: ReleaseSite;
  readonly home: ReleaseSite;
  /** Monotonic ms. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Whether peers can be told where the gateways of a release are. */
  readonly gatewayAddress: (site: 'joiner' | 'home', release: Release) => Promise<CheckStep>;
  /** Told what is being done. */
  readonly progress: (doing: string) => void;
}

export type Registration = {
  readonly steps: readonly CheckStep[];
  readonly clusterset: string | undefined;
  readonly trustHome: string | undefined;
  /** Whether this made it a member. */
  readonly joined: boolean;
  /** Why it stopped. `waiting` = the cluster is a member, but not all is as it should be yet. */
  readonly failure: { readonly during: 'joining' | 'waiting'; readonly error: UserError } | undefined;
};

const AGAIN_MS = 2_000;
/** As `CommandOutput.warn` writes it where no terminal is. */
const WARNING = /^warning: (.+)$/gm;
const invitation = z.object({ token: z.string().min(1) });

/** Makes one cluster a member of another's clusterset, step by step; each step is safe to take again. */
export async function register(plan: RegistrationPlan, context: RegistrationContext): Promise<Registration> {
  const run = new Run(plan, context);
  let during: 'joining' | 'waiting' = 'joining';
  try {
    await run.reach();
    await run.findReleases();
    await run.foundClusterset();
    await run.join();
    during = 'waiting';
    await run.lookAtAddresses();
    await run.waitForBoth();
    return run.result(undefined);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return run.result({ during, error });
  }
}

class Run {
  readonly #plan: RegistrationPlan;
  readonly #context: RegistrationContext;
  readonly #steps: CheckStep[] = [];
  #clusterset: string | undefined;
  #founded = false;
  #joined = false;
  #joiner: FoundRelease | undefined;
  #home: FoundRelease | undefined;

  constructor(plan: RegistrationPlan, context: RegistrationContext) {
    this.#plan = plan;
    this.#context = context;
  }

  result(failure: Registration['failure']): Registration {
    const trustHome = this.#home?.release.cluster;
    return { steps: this.#steps, clusterset: this.#clusterset, trustHome, joined: this.#joined, failure };
  }

  async reach(): Promise<void> {
    for (const site of this.#sites) {
      await this.#take(`API server of ${site.context}`, async () => {
        return `${site.server} answers, Kubernetes ${await site.version()}`;
      });
    }
  }

  async findReleases(): Promise<void> {
    const { joiner, home } = this.#context;
    const { cluster } = this.#plan;
    await this.#take(`release in ${joiner.context}`, async () => {
      this.#joiner = await findRelease(joiner, this.#plan.namespace);
      const { cluster: name } = this.#joiner.release;
      if (name !== cluster) {
        throw new UserError(`the cluster of context ${joiner.context} is called ${name}, not ${cluster}`, {
          hint: `register ${name}, or name the context of ${cluster} with --context`,
        });
      }
      return described(this.#joiner);
    });
    await this.#take(`release in ${home.context}`, async () => {
      this.#home = await findRelease(home, this.#plan.namespace);
      if (this.#home.release.cluster === cluster) {
        throw new UserError(`both contexts lead to clusters called ${cluster}`, {
          hint: 'each member needs a name of its own: install one of them with another cluster.name',
        });
      }
      return described(this.#home);
    });
  }

  async foundClusterset(): Promise<void> {
    const home = this.#homeFound();
    const { cluster } = home.release;
    await this.#take('clusterset', async () => {
      if (await home.site.isMember(home.release)) {
        this.#clusterset = (await statusThere(statusAnswer, home)).clusterset;
        return `${cluster} is a member of ${this.#clusterset}`;
      }
      const args = ['cluster', 'init', cluster, '--clusterset', this.#plan.clusterset, '--output', 'json'];
      this.#hear(accepted(await home.site.run(home.release, args), home));
      this.#clusterset = this.#plan.clusterset;
      this.#founded = true;
      return `${cluster} founded ${this.#clusterset} and is its trust home`;
    });
  }

  async join(): Promise<void> {
    const { cluster } = this.#plan;
    const joiner = this.#joinerFound();
    let isMember = false;
    await this.#take('membership', async () => {
      isMember = await joiner.site.isMember(joiner.release);
      if (!isMember) return `${cluster} is not a member yet`;
      const { clusterset } = await statusThere(statusAnswer, joiner);
      if (clusterset === this.#clusterset) {
        await this.#requireSameRoot(joiner);
        return `${cluster} is a member of ${clusterset} already`;
      }
      throw new UserError(`${cluster} is a member of another clusterset, ${clusterset}`, {
        hint: leaveFirst(joiner),
      });
    });
    if (isMember) return;
    let token = '';
    await this.#take('invitation', async () => {
      // Its programs take a moment to become a member's; later a refusal is meant so.
      const invite = () => this.#invite();
      token = this.#founded ? await this.#until('an invitation', invite) : await invite();
      return `${this.#homeFound().release.cluster} lets ${cluster} in, once`;
    });
    await this.#take('join', async () => {
      const args = ['cluster', 'join', '-', '--cluster', cluster, '--output', 'json'];
      // The home's gateways, which are asked, take a moment to become a member's.
      await this.#until(`${cluster} joins`, async () => {
        const ran = await joiner.site.run(joiner.release, args, token);
        this.#hear(accepted(ran, joiner, token), token);
      });
      this.#joined = true;
      return `${cluster} joined ${this.#clusterset}`;
    });
  }

  /** Where they are not known yet the wait below says so at its end; a person should know why before. */
  async lookAtAddresses(): Promise<void> {
    for (const [site, { release }] of [
      ['joiner', this.#joinerFound()],
      ['home', this.#homeFound()],
    ] as const) {
      const name = `gateway address of ${release.cluster}`;
      const looking = this.#context.gatewayAddress(site, release).then((step) => [step]);
      for (const step of await stepsOrFailure(name, looking))
        this.#steps.push(step.state === 'failed' ? warning(name, step.detail, step.cure) : { ...step, name });
    }
  }

  async waitForBoth(): Promise<void> {
    const [joiner, home] = [this.#joinerFound(), this.#homeFound()];
    await this.#waitFor(joiner, home.release.cluster);
    await this.#waitFor(home, joiner.release.cluster);
  }

  async #waitFor(here: FoundRelease, peer: string): Promise<void> {
    const { cluster } = here.release;
    const name = `${cluster} with ${peer}`;
    let last: MemberSight | undefined;
    await this.#take(name, async () => {
      try {
        return await this.#until(`${cluster} sees ${peer}`, async () => {
          last = await sightOf(here, peer);
          const missing = missingOf(last);
          if (missing !== undefined) throw new UserError(missing.reason, { hint: missing.cure });
          return `${last.gateways.ready} gateways have a certificate, a snapshot and a trunk to ${peer}, which is in sync`;
        });
      } finally {
        const concerns = last === undefined ? [] : concernsOf(last);
        this.#steps.push(...concerns.map(({ reason, cure }) => warning(cluster, reason, cure)));
      }
    });
  }

  /** Two clustersets may have one name; what they cannot share is a root. */
  async #requireSameRoot(joiner: FoundRelease): Promise<void> {
    const home = this.#homeFound();
    const [here, there] = [await joiner.site.roots(joiner.release), await home.site.roots(home.release)];
    // Not told yet, by a cluster that has just become a member.
    if (here === undefined || there === undefined || here.some((root) => there.includes(root))) return;
    const { cluster } = joiner.release;
    throw new UserError(
      `${cluster} is a member of another clusterset that is called ${this.#clusterset} too: its root is ${short(here)}, that of ${home.release.cluster} ${short(there)}`,
      { hint: leaveFirst(joiner) },
    );
  }

  get #sites(): readonly ReleaseSite[] {
    return [this.#context.joiner, this.#context.home];
  }

  async #invite(): Promise<string> {
    const home = this.#homeFound();
    const args = ['cluster', 'invite', this.#plan.cluster, '--output', 'json'];
    const ran = accepted(await home.site.run(home.release, args), home);
    const { stdout } = ran;
    const made = invitation.safeParse(jsonOf(stdout));
    if (made.success) {
      this.#hear(ran, made.data.token);
      return made.data.token;
    }
    // What was answered is not repeated: it may hold the token.
    throw new UserError(`${home.release.cluster}: what it answers is no invitation`, {
      hint: 'use the isthmus command of the same version as the chart',
    });
  }

  /** Tries again while a UserError says what is missing; the last one counts when the time is over. */
  async #until<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    const { now, sleep, progress } = this.#context;
    const endsMs = now() + this.#plan.timeoutMs;
    for (;;) {
      try {
        return await attempt();
      } catch (failure) {
        if (!(failure instanceof UserError) || failure.exitCode === 2) throw failure;
        if (now() + AGAIN_MS > endsMs) throw failure;
        progress(`${what}: not yet: ${failure.message}`);
        await sleep(AGAIN_MS);
      }
    }
  }

  /** What a program in a pod warned of although it went well. */
  #hear({ stderr }: ExecResult, secret?: string): void {
    const plain = secret === undefined ? stderr : stderr.replaceAll(secret.trim(), '[token]');
    for (const [, said = ''] of plain.matchAll(WARNING))
      this.#steps.push(warning('warning', said, 'the registration goes on; see to it afterwards'));
  }

  async #take(name: string, step: () => Promise<string>): Promise<void> {
    this.#context.progress(name);
    try {
      this.#steps.push(ok(name, await step()));
    } catch (failure) {
      if (failure instanceof UserError) this.#steps.push(failedBy(name, failure));
      throw failure;
    }
  }

  #joinerFound(): FoundRelease {
    if (this.#joiner === undefined) throw new Error('the release that joins was not looked for');
    return this.#joiner;
  }

  #homeFound(): FoundRelease {
    if (this.#home === undefined) throw new Error('the release of the trust home was not looked for');
    return this.#home;
  }
}

async function sightOf(here: FoundRelease, peer: string): Promise<MemberSight> {
  const status = await statusThere(statusAnswer, here);
  const { site, release } = here;
  const counted = await site.gateways(release);
  return memberSight(status, counted, await askGateways(site, release), peer);
}

function leaveFirst({ site }: FoundRelease): string {
  return `let it leave that one first: isthmus cluster leave ${site.flags}`;
}

function short(roots: readonly string[]): string {
  return roots.map((root) => `sha256:${root.slice(0, 16)}…`).join(', ');
}

function described({ release }: FoundRelease): string {
  return `${release.namespace}/${release.instance}, cluster ${release.cluster}`;
}
