import type { Command } from 'commander';
import { addCleanUp } from './command-line/clean-up.ts';
import { addCompletion } from './command-line/completion.ts';
import { addDemo } from './command-line/demo.ts';
import { addDrain } from './command-line/drain.ts';
import { addForget } from './command-line/forget.ts';
import { addInit } from './command-line/init.ts';
import { addInvite } from './command-line/invite.ts';
import { addJoin } from './command-line/join.ts';
import { addLeave } from './command-line/leave.ts';
import { addLooks } from './command-line/looks.ts';
import { addRegister } from './command-line/register.ts';
import { addServiceExport, addServiceList, addServiceUnexport } from './command-line/service.ts';

/** `isthmus demo`. */
export function registerDemoCommand(program: Command): void {
  addDemo(program);
}

/** `isthmus completion`. */
export function registerCompletionCommand(program: Command): void {
  addCompletion(program);
}

/** `isthmus service`: what the clusterset offers, and what a cluster offers to it. */
export function registerServiceCommand(program: Command): void {
  const service = program
    .command('service')
    .description('list the services of the clusterset, export those of a cluster');
  addServiceList(service);
  addServiceExport(service);
  addServiceUnexport(service);
  service.addHelpText('after', SERVICE_EXAMPLES);
}

const SERVICE_EXAMPLES = `
Examples:
  isthmus service list --context east
  isthmus service export shop/payments --context west`;

/** `isthmus cluster`: how clusters found a clusterset, join it, look after their membership, and leave. */
export function registerClusterCommand(program: Command): void {
  const cluster = program
    .command('cluster')
    .description(
      'found a clusterset, let clusters join, see how they do, drain them, leave, forget lost ones',
    );
  addRegister(cluster);
  addInit(cluster);
  addInvite(cluster);
  addJoin(cluster);
  addLooks(cluster);
  addDrain(cluster);
  addLeave(cluster);
  addForget(cluster);
  addCleanUp(cluster);
  cluster.addHelpText('after', CLUSTER_EXAMPLES);
}

const CLUSTER_EXAMPLES = `
Clusters that run the chart are named by a context of a kubeconfig (--context), others by their folder (--dir).

Examples:
  isthmus cluster register west --context west --with-context east
  isthmus cluster list --context east --output json
  isthmus cluster check --context west
  isthmus cluster drain west --context west --over 10m`;
