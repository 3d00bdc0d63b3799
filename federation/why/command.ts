import { styleText } from 'node:util';
import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import { namesContext } from '../../clusters/commands/context-flags.ts';
import { type WhyAnswer, whyAnswer } from './answer.ts';
import { askGateway } from './ask-gateway.ts';
import { findGateway } from './gateway-address.ts';
import { type ReportStyles, whyReport } from './why-report.ts';

interface WhyFlags {
  readonly from?: string;
  readonly down?: readonly string[];
  readonly request?: string;
  readonly header?: readonly string[];
  readonly caller?: string;
  readonly admin?: string;
  readonly config?: string;
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly namespace?: string;
  readonly output: 'text' | 'json' | 'yaml';
}

/** `isthmus why SERVICE`. */
export function registerWhyCommand(program: Command): void {
  program
    .command('why')
    .description('show where requests to a service go, and the arithmetic behind it')
    .argument(
      '<service>',
      'NAMESPACE/NAME, NAME.NAMESPACE or the whole host name, with :PORT if it has several',
    )
    .option('--from <locality>', 'suppose that the caller is in REGION/ZONE')
    .option('--down <cluster...>', 'suppose that these clusters are down')
    .option('--request <request>', "what becomes of 'METHOD /path': its route, and whether it is let in")
    .option('--header <header...>', "with --request: its headers, each 'NAME: VALUE'")
    .option('--caller <spiffe-id>', 'with --request: who calls (default: an anonymous caller)')
    .option(
      '--admin <address>',
      "the gateway's admin endpoint, HOST:PORT or unix:PATH (default: 127.0.0.1:15021)",
    )
    .option('--config <file>', 'or the gateway.yaml that names it (default: ./gateway.yaml, if there is one)')
    .addOption(
      new Option('--context <name>', 'or a cluster that runs the chart').conflicts(['admin', 'config']),
    )
    .option('--kubeconfig <file>', "with --context: its file (default: kubectl's)")
    .option('--namespace <name>', 'with --context: of the release (default: found by its labels)')
    .addOption(
      new Option('--output <format>', 'how to print it').choices(['text', 'json', 'yaml']).default('text'),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (service: string, flags: WhyFlags) => {
      const answer = await answerOf(service, flags);
      process.stdout.write(printed(answer, flags.output));
    });
}

async function answerOf(service: string, flags: WhyFlags): Promise<WhyAnswer> {
  if (!namesContext(flags)) {
    return await askGateway(await findGateway(flags, process.cwd()), whyQuery(service, flags));
  }
  const { askWhyByContext } = await import('../../clusters/context/context-why.ts');
  const { context, kubeconfig, namespace } = flags;
  const answer = await askWhyByContext({ context, kubeconfig, namespace }, whyArguments(service, flags));
  return whyAnswer.parse(answer);
}

/** The same question, for the command in a gateway's pod. */
function whyArguments(service: string, flags: WhyFlags): readonly string[] {
  const { from, down = [], request, header = [], caller } = flags;
  return [
    ...(from === undefined ? [] : [`--from=${from}`]),
    ...down.map((cluster) => `--down=${cluster}`),
    ...(request === undefined ? [] : [`--request=${request}`]),
    ...header.map((each) => `--header=${each}`),
    ...(caller === undefined ? [] : [`--caller=${caller}`]),
    '--',
    service,
  ];
}

const EXAMPLES = `
Examples:
  isthmus why shop/payments
  isthmus why payments.shop --down west
  isthmus why payments.shop --context east --down west
  isthmus why shop/payments --from us/us-a --output json
  isthmus why shop/payments --request 'GET /v2' --header 'x-tier: gold'`;

function whyQuery(service: string, flags: WhyFlags): URLSearchParams {
  const query = new URLSearchParams({ service });
  for (const cluster of flags.down ?? []) query.append('down', cluster);
  if (flags.from !== undefined) query.set('from', flags.from);
  if (flags.request !== undefined) query.set('request', flags.request);
  for (const header of flags.header ?? []) query.append('header', header);
  if (flags.caller !== undefined) query.set('caller', flags.caller);
  return query;
}

function printed(answer: Parameters<typeof whyReport>[0], format: WhyFlags['output']): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(answer, undefined, 2)}\n`;
    case 'yaml':
      return stringify(answer);
    case 'text':
      return whyReport(answer, terminalStyles());
  }
}

/** Colour where stdout is a terminal, and NO_COLOR does not forbid it. */
function terminalStyles(): ReportStyles {
  const style = (format: Parameters<typeof styleText>[0]) => (text: string) =>
    text === '' ? text : styleText(format, text, { stream: process.stdout });
  return {
    strong: style('bold'),
    faint: style('dim'),
    good: style('green'),
    bad: style('red'),
    careful: style('yellow'),
  };
}
