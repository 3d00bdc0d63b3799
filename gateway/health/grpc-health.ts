/** The two messages of grpc.health.v1.Health/Check, small enough to be written and read by hand. */

const SERVICE_TAG = 0x0a;
const STATUS_TAG = 0x08;
const SERVING = 1;
const MAX_SERVICE_BYTES = 127;
/** A byte that says whether the message is compressed, and four of its length. */
const PREFIX_BYTES = 5;

/** `HealthCheckRequest { string service = 1 }`; a name that is longer than 127 bytes is cut, and is not known. */
export function healthRequest(service: string): Buffer {
  const name = Buffer.from(service, 'utf8').subarray(0, MAX_SERVICE_BYTES);
  return name.length === 0 ? name : Buffer.concat([Buffer.of(SERVICE_TAG, name.length), name]);
}

/** `HealthCheckResponse { ServingStatus status = 1 }`, which must be all there is, with SERVING in it. */
export function isServing(response: Buffer): boolean {
  return response.length === 2 && response[0] === STATUS_TAG && response[1] === SERVING;
}

/** Length-prefixed, as gRPC over HTTP/2 sends messages. */
export function grpcMessage(payload: Buffer): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(payload.length, 1);
  return Buffer.concat([prefix, payload]);
}

/** Of a body that is one message and not compressed. */
export function grpcPayload(body: Buffer): Buffer | undefined {
  if (body.length < PREFIX_BYTES || body[0] !== 0) return undefined;
  const payload = body.subarray(PREFIX_BYTES);
  return payload.length === body.readUInt32BE(1) ? payload : undefined;
}
