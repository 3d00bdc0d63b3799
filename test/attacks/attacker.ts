// Runs one attack until it is told to end: a process of its own, so that it does not slow down who measures.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Victim } from './attack.ts';
import { attackNamed } from './attacks.ts';

/** What the attacker is sent once, over the channel to its parent: a key has no place among arguments. */
export interface AttackOrder {
  readonly attack: string;
  readonly victim: Victim;
}

/** Attempts under way at once: more would only say how many sockets this process may have. */
const MAX_UNDER_WAY = 2_000;

async function attackForEver({ attack: name, victim }: AttackOrder): Promise<void> {
  const attack = attackNamed(name);
  if (attack === undefined) throw new Error(`no attack is called ${name}`);
  let underWay = 0;
  for (;;) {
    if (underWay < MAX_UNDER_WAY) {
      underWay++;
      attack.attempt(victim).finally(() => underWay--);
    }
    await sleep(1000 / attack.perSecond);
  }
}

process.once('message', (order) => attackForEver(order as AttackOrder));
process.once('disconnect', () => process.exit());
