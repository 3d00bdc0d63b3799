import type { FailureCode } from '../../federation/model/errors.ts';
import type { HeaderBlock } from '../http/stream.ts';
import type { PipelineRequest } from './request.ts';

/** The fields that two gateways speak with on a trunk. Nobody else's message carries them any further. */
export const TRUNK_FIELDS = {
  /** `namespace/name:port name`: the route, as the source gateway found it. */
  service: 'isthmus-service',
  /** SPIFFE ID of the caller; absent = anonymous. */
  caller: 'isthmus-caller',
  /** In its place: the SPIFFE ID that the address of the caller's pod speaks for, which no certificate proves. */
  callerByAddress: 'isthmus-caller-by-address',
  /** `region/zone` that the source gateway chose. */
  locality: 'isthmus-locality',
  /** Present when the source gateway chose without regard to health, as the destination must then do too. */
  panic: 'isthmus-panic',
  /** Eight hexadecimal digits: the hash of what tells the client apart, where the source gateway's policy asks for it. */
  hash: 'isthmus-hash',
  /** In responses: why the destination gateway answered itself. */
  reason: 'isthmus-reason',
} as const;

export const NO_LOCAL_ENDPOINT_REASON = 'no-local-endpoint';

/** Tells the pod who called; Envoy's field, of which only `By` and `URI` are given. */
export const CLIENT_CERT_FIELD = 'x-forwarded-client-cert';

const LETTER_I = 0x69;
const LETTER_X = 0x78;
const DASH = 0x2d;
const UNDERSCORE = 0x5f;
const OWN_PREFIX = 'isthmus';

/** Spellings with `_` too: many backends fold them into the same name. */
export function isInternalField(name: string): boolean {
  const first = name.charCodeAt(0);
  if (first === LETTER_I) {
    const separator = name.charCodeAt(OWN_PREFIX.length);
    return (separator === DASH || separator === UNDERSCORE) && name.startsWith(OWN_PREFIX);
  }
  if (first !== LETTER_X || name.length !== CLIENT_CERT_FIELD.length) return false;
  return name === CLIENT_CERT_FIELD || name.replaceAll('_', '-') === CLIENT_CERT_FIELD;
}

/** By taking off: to set an array's length is a call out of compiled code, and there is little to take off. */
export function shortenBlock(block: HeaderBlock, length: number): void {
  while (block.length > length) block.pop();
}

/**
 * The one pass over a request's header block: takes out what the stages ask for and strips internal fields, which
 * are believed on a trunk alone.
 */
export function readRequestFields(request: PipelineRequest): FailureCode | undefined {
  const { block } = request;
  let kept = 0;
  for (let i = 0; i < block.length; i += 2) {
    const name = block[i] as string;
    const value = block[i + 1] as string;
    if (isInternalField(name)) {
      readTrunkField(request, name, value);
      continue;
    }
    if (!readField(request, name, value)) return 'badRequest';
    if (kept !== i) {
      block[kept] = name;
      block[kept + 1] = value;
    }
    kept += 2;
  }
  shortenBlock(block, kept);
  return undefined;
}

/** False when the field cannot be accepted. */
function readField(request: PipelineRequest, name: string, value: string): boolean {
  switch (name) {
    case ':method':
      request.method = value;
      return true;
    case ':authority':
      request.authority = value;
      return true;
    case ':path':
      request.path = value;
      return true;
    case 'upgrade':
      request.upgrade = value;
      return true;
    case 'host':
      // RFC 9113 section 8.3.1: it must say what `:authority` says.
      return request.authority === undefined || request.authority.toLowerCase() === value.toLowerCase();
    case 'content-type':
      request.grpc = value.startsWith('application/grpc');
      return true;
    case 'grpc-timeout':
      request.grpcTimeout = value;
      return true;
    case 'x-request-id':
      request.requestId = value;
      return true;
    default:
      return true;
  }
}

function readTrunkField(request: PipelineRequest, name: string, value: string): void {
  if (request.context.origin !== 'trunk') return;
  switch (name) {
    case TRUNK_FIELDS.service:
      request.claimedTarget = value;
      return;
    case TRUNK_FIELDS.caller:
      request.claimedCaller = value;
      return;
    case TRUNK_FIELDS.callerByAddress:
      request.claimedCallerByAddress = value;
      return;
    case TRUNK_FIELDS.locality:
      request.locality = value;
      return;
    case TRUNK_FIELDS.panic:
      request.claimedPanic = true;
      return;
    case TRUNK_FIELDS.hash:
      request.claimedHash = value;
      return;
    default:
  }
}

/**
 * Takes internal fields out of a response or out of trailers, which a pod may have put there.
 * @returns the value of `isthmus-reason`, which means something only from a trunk.
 */
export function stripInternalFields(block: HeaderBlock): string | undefined {
  let reason: string | undefined;
  let kept = 0;
  for (let i = 0; i < block.length; i += 2) {
    const name = block[i] as string;
    if (isInternalField(name)) {
      if (name === TRUNK_FIELDS.reason) reason = block[i + 1];
      continue;
    }
    if (kept !== i) {
      block[kept] = name;
      block[kept + 1] = block[i + 1] as string;
    }
    kept += 2;
  }
  shortenBlock(block, kept);
  return reason;
}
