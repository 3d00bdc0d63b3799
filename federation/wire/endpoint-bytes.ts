import { fromBinary } from '@bufbuild/protobuf';
import { EarlierItems } from '../model/earlier-items.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { BOUNDS } from './bounds.ts';
import { saysEndpoint } from './endpoint-comparison.ts';
import { decoded, listOf } from './field-checks.ts';
import * as wire from './gen/federation_pb.ts';

/**
 * A service's endpoints out of their messages. Of a service that changes most endpoints do not: those that say the same as
 * in `before` are the objects that are there, and cost neither a conversion nor memory.
 * @throws WireError naming the field that breaks the contract
 */
export function endpointsFromBytes(
  items: readonly Uint8Array[],
  before: readonly Endpoint[],
  convert: (message: wire.Endpoint) => Endpoint,
): readonly Endpoint[] {
  const earlier = new EarlierItems(before);
  let last: Endpoint | undefined;
  return listOf('endpoints', items, BOUNDS.endpointsPerService, (item) => {
    const known = earlier.find((endpoint) => saysEndpoint(item, endpoint));
    if (known !== undefined) return known;
    const message = decoded('', () => fromBinary(wire.EndpointSchema, item));
    last = sharing(convert(message), last);
    return last;
  });
}

/** With the parts of another endpoint that are equal: in a cluster of 250,000 nearly all have the ports of the next one. */
function sharing(endpoint: Endpoint, other: Endpoint | undefined): Endpoint {
  if (other === undefined) return endpoint;
  const { ports, locality } = endpoint;
  return {
    ...endpoint,
    ports: samePorts(ports, other.ports) ? other.ports : ports,
    locality:
      locality.zone === other.locality.zone && locality.region === other.locality.region
        ? other.locality
        : locality,
  };
}

function samePorts(one: Endpoint['ports'], other: Endpoint['ports']): boolean {
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && other[name] === one[name])
  );
}
