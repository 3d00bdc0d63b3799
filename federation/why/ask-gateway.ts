import { type IncomingMessage, request } from 'node:http';
import { UserError } from '../model/user-error.ts';
import { type WhyAnswer, whyAnswer, whyProblem } from './answer.ts';
import { addressText, type GatewayAddress } from './gateway-address.ts';

const TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/**
 * Asks a gateway's admin endpoint for `/why`.
 * @throws UserError when it cannot be reached, does not know the service, or answers something else.
 */
export async function askGateway(address: GatewayAddress, query: URLSearchParams): Promise<WhyAnswer> {
  const { status, text } = await get(address, `/why?${query}`);
  const body = parseJson(text);
  const answer = whyAnswer.safeParse(body);
  if (status === 200 && answer.success) return answer.data;
  const problem = whyProblem.safeParse(body);
  if (status !== 200 && problem.success) {
    throw new UserError(problem.data.error, problem.data.hint ? { hint: problem.data.hint } : {});
  }
  throw new UserError(
    `what answers at ${addressText(address)} is no gateway that understands (HTTP ${status})`,
    {
      hint: 'check the address, and that the gateway is not of an older version',
    },
  );
}

function get(address: GatewayAddress, path: string): Promise<{ status: number; text: string }> {
  const where =
    address.kind === 'socket' ? { socketPath: address.path } : { host: address.host, port: address.port };
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(unreachable(address, error));
    const asked = request({ ...where, path, agent: false, timeout: TIMEOUT_MS }, (response) => {
      readText(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), fail);
    });
    asked.on('error', fail);
    asked.on('timeout', () => asked.destroy(new Error(`no answer in ${TIMEOUT_MS / 1000} s`)));
    asked.end();
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** undefined for what is no JSON: then it is not a gateway's answer. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreachable(address: GatewayAddress, error: unknown): UserError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return new UserError(`the gateway at ${addressText(address)} cannot be asked (${code})`, {
    hint: 'is it running? name its admin endpoint with --admin HOST:PORT or --config gateway.yaml',
    cause: error,
  });
}
