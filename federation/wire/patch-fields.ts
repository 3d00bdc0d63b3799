import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { ServiceKey } from '../model/service.ts';
import { serviceKey } from '../model/service.ts';
import { BOUNDS } from './bounds.ts';
import { label, listOf, mapOf, present, understood, within } from './field-checks.ts';
import * as wire from './gen/federation_pb.ts';
import type { Plain } from './plain-message.ts';
import { endpointFromWire, offerFromWire, writeEndpoint, writeOffer } from './service-fields.ts';
import type { PlacedEndpoint, ServicePatch } from './service-patch.ts';

/** Key and value. */
export function patchFromWire(message: Plain<wire.ServicePatch>): readonly [ServiceKey, ServicePatch] {
  understood(message);
  const max = BOUNDS.endpointsPerService;
  const service = { namespace: label('namespace', message.namespace), name: label('name', message.name) };
  const patch: ServicePatch = {
    service,
    offers: [...mapOf('offers', message.offers, BOUNDS.offersPerService, offerFromWire).values()],
    removedEndpoints: listOf('removed_endpoints', message.removedEndpoints, max, (place) => place),
    addedEndpoints: listOf('added_endpoints', message.addedEndpoints, max, placedFromWire),
    endpointCount: within('endpoint_count', message.endpointCount, 0, max),
  };
  return [serviceKey(service), patch];
}

function placedFromWire(message: Plain<wire.PlacedEndpoint>): PlacedEndpoint {
  understood(message);
  return { place: message.place, endpoint: endpointFromWire(present('endpoint', message.endpoint)) };
}

/** `ServicePatch`. */
export function patchMessage(patch: ServicePatch): Uint8Array {
  const { field } = wire.ServicePatchSchema;
  const writer = new BinaryWriter();
  writer.tag(field.namespace.number, WireType.LengthDelimited).string(patch.service.namespace);
  writer.tag(field.name.number, WireType.LengthDelimited).string(patch.service.name);
  for (const offer of patch.offers) {
    writer.tag(field.offers.number, WireType.LengthDelimited).fork();
    writeOffer(writer, offer);
    writer.join();
  }
  if (patch.removedEndpoints.length > 0) {
    writer.tag(field.removedEndpoints.number, WireType.LengthDelimited).fork();
    for (const place of patch.removedEndpoints) writer.uint32(place);
    writer.join();
  }
  for (const placed of patch.addedEndpoints) writePlaced(writer, placed);
  writer.tag(field.endpointCount.number, WireType.Varint).uint32(patch.endpointCount);
  return writer.finish();
}

function writePlaced(writer: BinaryWriter, { place, endpoint }: PlacedEndpoint): void {
  const { field } = wire.PlacedEndpointSchema;
  writer.tag(wire.ServicePatchSchema.field.addedEndpoints.number, WireType.LengthDelimited).fork();
  writer.tag(field.place.number, WireType.Varint).uint32(place);
  writer.tag(field.endpoint.number, WireType.LengthDelimited).fork();
  writeEndpoint(writer, endpoint);
  writer.join().join();
}
