/** The two messages of grpc.health.v1.Health/Check, small enough to be written and read by hand. */

const SERVICE_TAG = 0x0a;
const STATUS_TAG = 0x08;
const SERVING = 1;
const MAX_SERVICE_BYTES = 127;

/** `HealthCheckRequest { string service = 1 }`; a name that is longer than 127 bytes is cut, and is not known. */
export function encodeHealthRequest(service: string): Buffer {
  const name = Buffer.from(service, 'utf8').subarray(0, MAX_SERVICE_BYTES);
  return name.length === 0 ? name : Buffer.concat([Buffer.of(SERVICE_TAG, name.length), name]);
}

/** `HealthCheckResponse { ServingStatus status = 1 }`, which must be all there is, with SERVING in it. */
export function isServing(response: Buffer): boolean {
  return response.length === 2 && response[0] === STATUS_TAG && response[1] === SERVING;
}
