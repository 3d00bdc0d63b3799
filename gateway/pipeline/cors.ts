import type { HeaderChanges } from '../../federation/model/mesh-route.ts';
import type { HeaderBlock } from '../http/stream.ts';
import { allowsOrigin, type CompiledCors } from '../routing/rules/compiled-cors.ts';
import type { PipelineRequest, RuleAnswer } from './request.ts';

/** A browser asks whether it may ask (Fetch standard, CORS-preflight request). */
export function isPreflight({ method, block }: PipelineRequest): boolean {
  return (
    method === 'OPTIONS' &&
    fieldOf(block, 'origin') !== undefined &&
    fieldOf(block, 'access-control-request-method') !== undefined
  );
}

/** The answer to a preflight. To an origin that is not allowed it says nothing, and the browser does not go on. */
export function answerPreflight({ block }: PipelineRequest, cors: CompiledCors): RuleAnswer {
  const origin = fieldOf(block, 'origin') ?? '';
  const vary = 'origin, access-control-request-method, access-control-request-headers';
  if (!allowsOrigin(cors, origin)) return { status: 204, fields: ['vary', vary] };
  const fields = originFields(cors, origin);
  const say = (name: string, allowed: string | undefined, asked: string | undefined): void => {
    if (allowed === undefined || asked === undefined) return;
    fields.push(name, allowed === '*' && cors.credentials ? asked : allowed);
  };
  say('access-control-allow-methods', cors.methods, fieldOf(block, 'access-control-request-method'));
  say('access-control-allow-headers', cors.headers, fieldOf(block, 'access-control-request-headers'));
  fields.push('access-control-max-age', cors.maxAge, 'vary', vary);
  return { status: 204, fields };
}

/** What the response to a cross-origin request gets, instead of what the pod says of it; undefined for any other request. */
export function corsChanges({ block }: PipelineRequest, cors: CompiledCors): HeaderChanges | undefined {
  const origin = fieldOf(block, 'origin');
  if (origin === undefined) return undefined;
  const add = [{ name: 'vary', value: 'origin' }];
  if (!allowsOrigin(cors, origin)) return { set: [], add, remove: RESPONSE_FIELDS };
  const fields = originFields(cors, origin);
  if (cors.exposed !== undefined) fields.push('access-control-expose-headers', cors.exposed);
  const set = [];
  for (let i = 0; i < fields.length; i += 2)
    set.push({ name: fields[i] as string, value: fields[i + 1] as string });
  return { set, add, remove: RESPONSE_FIELDS.filter((name) => !fields.includes(name)) };
}

const RESPONSE_FIELDS = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
];

function originFields({ anyOrigin, credentials }: CompiledCors, origin: string): string[] {
  const fields = ['access-control-allow-origin', anyOrigin && !credentials ? '*' : origin];
  if (credentials) fields.push('access-control-allow-credentials', 'true');
  return fields;
}

function fieldOf(block: HeaderBlock, name: string): string | undefined {
  for (let i = 0; i < block.length; i += 2) if (block[i] === name) return block[i + 1];
  return undefined;
}
