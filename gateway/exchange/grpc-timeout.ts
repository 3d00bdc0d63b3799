const FORM = /^([0-9]{1,8})([HMSmun])$/;

/**
 * The `grpc-timeout` field (gRPC over HTTP/2: at most 8 digits and a unit) in ms, rounded up. undefined for
 * anything else: the field is the client's word to its server, which may judge it.
 */
export function parseGrpcTimeout(text: string): number | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const value = Number(match[1]);
  switch (match[2]) {
    case 'H':
      return value * 3_600_000;
    case 'M':
      return value * 60_000;
    case 'S':
      return value * 1_000;
    case 'm':
      return value;
    case 'u':
      return Math.ceil(value / 1_000);
    default:
      return Math.ceil(value / 1_000_000);
  }
}
