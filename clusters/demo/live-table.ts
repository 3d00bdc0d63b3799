import { request } from 'node:http';
import { NAMESPACE } from './manifests.ts';
import { HOST } from './topology.ts';

const REQUESTS_PER_ROUND = 20;

/** Who answered how many of the requests that entered at one cluster's gateway. */
export interface Served {
  readonly from: string;
  /** By the name of the answering cluster; `-` = no answer. */
  readonly answers: ReadonlyMap<string, number>;
}

/** Asks the echo service a few times through one gateway. */
export async function askEcho(from: string, httpPort: number): Promise<Served> {
  const answered = await Promise.all(Array.from({ length: REQUESTS_PER_ROUND }, () => ask(httpPort)));
  const answers = new Map<string, number>();
  for (const cluster of answered) answers.set(cluster, (answers.get(cluster) ?? 0) + 1);
  return { from, answers };
}

/** One row per entering cluster, one column per answering one, in percent. */
export function renderTable(rows: readonly Served[], clusters: readonly string[]): string {
  const columns = [...clusters, '-'];
  const head = ['entering at'.padEnd(12), ...columns.map((name) => name.padStart(7))].join(' ');
  const lines = rows.map((row) => {
    const total = [...row.answers.values()].reduce((sum, count) => sum + count, 0);
    const cells = columns.map((name) => cell(row.answers.get(name) ?? 0, total).padStart(7));
    return [row.from.padEnd(12), ...cells].join(' ');
  });
  return [head, ...lines].join('\n');
}

function cell(count: number, total: number): string {
  return count === 0 ? '·' : `${Math.round((100 * count) / total)} %`;
}

function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    const headers = { host: `echo.${NAMESPACE}.svc.clusterset.local` };
    const asked = request({ host: HOST, port, path: '/', headers, timeout: 5_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve(clusterOf(response.statusCode ?? 0, body)));
      response.on('error', () => resolve('-'));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve('-'));
    asked.end();
  });
}

function clusterOf(status: number, body: string): string {
  if (status !== 200) return '-';
  return (JSON.parse(body) as { cluster: string }).cluster;
}
