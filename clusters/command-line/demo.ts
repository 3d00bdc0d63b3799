import { type Command, Option } from 'commander';
import { type DemoFlags, MIN_SECONDS, parseDemoFlags } from '../demo/demo-options.ts';

/** `isthmus demo`: loaded with its commands only when it runs, for it holds all the others. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('run three clusters on this machine, lose one, and watch failover and failback')
    .option('--redis [url]', 'keep the store in Redis: the one at the URL, or one that the demo starts')
    .option('--tour', 'lose a cluster and bring it back without waiting for keys')
    .option('--json', 'measure the tour under load; the last line of stdout is one JSON object')
    .option('--seconds <n>', `with --json: how long to measure, at least ${MIN_SECONDS} (default: 40)`)
    .addOption(
      new Option('--loss <kind>', 'how the cluster is lost').choices(['kill', 'freeze']).default('kill'),
    )
    .option('--redis-outage <s>', 'with --json and --redis: kill Redis for so many seconds around the loss')
    .addHelpText('after', DEMO_EXAMPLES)
    .action(async (flags: DemoFlags) => {
      const options = parseDemoFlags(flags);
      const { runDemo } = await import('../demo/demo.ts');
      await runDemo(options);
    });
}

const DEMO_EXAMPLES = `
Examples:
  isthmus demo                          keys kill a cluster and bring it back
  isthmus demo --tour --loss freeze     the same by itself, with a cluster that hangs
  isthmus demo --json --seconds 40 --redis --redis-outage 10
                                        under load, with Redis gone for 10 s around the loss

A tour goes on past its planned end until the lost cluster has its full share again: 30 s at most, 10 s when it does
not begin to come back.`;
