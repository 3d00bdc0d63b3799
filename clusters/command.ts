import type { Command } from 'commander';
import { addCleanUp } from './command-line/clean-up.ts';
import { addDemo } from './command-line/demo.ts';
import { addDrain } from './command-line/drain.ts';
import { addInit } from './command-line/init.ts';
import { addInvite } from './command-line/invite.ts';
import { addJoin } from './command-line/join.ts';
import { addLeave } from './command-line/leave.ts';
import { addLooks } from './command-line/looks.ts';
import { addRegister } from './command-line/register.ts';

/** `isthmus demo`. */
export function registerDemoCommand(program: Command): void {
  addDemo(program);
}

/** `isthmus cluster`: how clusters found a clusterset, join it, look after their membership, and leave. */
export function registerClusterCommand(program: Command): void {
  const cluster = program
    .command('cluster')
    .description('found a clusterset, let clusters join, see how they do, drain them, leave');
  addRegister(cluster);
  addInit(cluster);
  addInvite(cluster);
  addJoin(cluster);
  addLooks(cluster);
  addDrain(cluster);
  addLeave(cluster);
  addCleanUp(cluster);
}
