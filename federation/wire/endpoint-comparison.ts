import { WireType } from '@bufbuild/protobuf/wire';
import type { Endpoint } from '../model/endpoint.ts';
import * as wire from './gen/federation_pb.ts';

const { address, ports, locality, state, changedAtMs, weight } = wire.EndpointSchema.field;
const { region, zone } = wire.LocalitySchema.field;
const PORT_NAME = 1;
const PORT_NUMBER = 2;

const STATE = {
  ready: wire.Endpoint_State.READY,
  degraded: wire.Endpoint_State.DEGRADED,
  unready: wire.Endpoint_State.UNREADY,
} as const;

/**
 * Whether an `isthmus.v1.Endpoint` says what an endpoint is, found out without decoding it. Never true of one that says
 * something else; false also of one in an unusual form: fields in no order of ours, text that is not ASCII.
 */
export function saysEndpoint(message: Uint8Array, endpoint: Endpoint): boolean {
  const cursor = new Cursor(message);
  if (!cursor.text(address.number, endpoint.address)) return false;
  for (const name of Object.keys(endpoint.ports)) {
    const end = cursor.message(ports.number);
    const number = endpoint.ports[name] ?? 0;
    if (!cursor.text(PORT_NAME, name) || !cursor.number(PORT_NUMBER, number) || !cursor.isAt(end))
      return false;
  }
  const end = cursor.message(locality.number);
  if (!cursor.textOrNone(region.number, endpoint.locality.region)) return false;
  if (!cursor.textOrNone(zone.number, endpoint.locality.zone) || !cursor.isAt(end)) return false;
  if (!cursor.number(state.number, STATE[endpoint.state])) return false;
  if (endpoint.changedAtMs !== 0 && !cursor.number(changedAtMs.number, endpoint.changedAtMs)) return false;
  if (endpoint.weight !== undefined && !cursor.number(weight.number, endpoint.weight)) return false;
  return cursor.isAt(message.length);
}

/** Where a comparison has come to. What does not fit leaves it anywhere: then it is over. */
class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  isAt(position: number): boolean {
    return this.#at === position;
  }

  /** @returns where the message ends; -1 when the field is not next */
  message(field: number): number {
    if (!this.#tag(field, WireType.LengthDelimited)) return -1;
    const length = this.#varint();
    return this.#at + length;
  }

  number(field: number, expected: number): boolean {
    return this.#tag(field, WireType.Varint) && this.#varint() === expected;
  }

  /** Empty text is not written. */
  textOrNone(field: number, expected: string): boolean {
    return expected === '' || this.text(field, expected);
  }

  text(field: number, expected: string): boolean {
    if (!this.#tag(field, WireType.LengthDelimited) || this.#varint() !== expected.length) return false;
    const bytes = this.#bytes;
    const from = this.#at;
    for (let index = 0; index < expected.length; index++) {
      const byte = bytes[from + index];
      if (byte !== expected.charCodeAt(index) || byte >= 0x80) return false;
    }
    this.#at = from + expected.length;
    return true;
  }

  /** Of a field whose number is below 16: one byte. */
  #tag(field: number, wireType: WireType): boolean {
    return this.#bytes[this.#at++] === ((field << 3) | wireType);
  }

  /** NaN where it ends too early, or is larger than any number that we write. */
  #varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 53; scale *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return Number.NaN;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  }
}
