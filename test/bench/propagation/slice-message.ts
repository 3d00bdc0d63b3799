import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  NAMESPACE,
  type PodEndpoint,
  type ServicePlan,
  sliceEndpoint,
  TRIGGER_TIME,
} from './service-objects.ts';

/** Before each object of Kubernetes that is in protobuf. */
const MAGIC = Buffer.from('k8s\0');

const TYPE_META = field(
  1,
  message((writer) => {
    text(writer, 1, 'discovery.k8s.io/v1');
    text(writer, 2, 'EndpointSlice');
  }),
);
const ADDRESS_TYPE = field(4, Buffer.from('IPv4'));
const NOTHING = new Uint8Array();

/**
 * EndpointSlices in protobuf, which is what Kubernetes' own controller writes: `runtime.Unknown` around
 * `k8s.io/api/discovery/v1` (generated.proto of k8s.io/apimachinery and k8s.io/api).
 */
export class SliceMessages {
  readonly #endpoints = new WeakMap<PodEndpoint, Uint8Array>();

  /** The same object as `sliceObject` of these arguments; who owns which field is no longer kept. */
  encode(plan: ServicePlan, triggeredAtMs: number): Buffer {
    const parts = [
      field(1, objectMeta(plan, triggeredAtMs)),
      ...plan.endpoints.map((endpoint, pod) => this.#endpoint(plan, endpoint, pod)),
      field(3, portMessage(plan)),
      ADDRESS_TYPE,
    ];
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    return Buffer.concat([MAGIC, TYPE_META, fieldHead(2, length), ...parts]);
  }

  /** Those that stay as they are are not encoded again. */
  #endpoint(plan: ServicePlan, endpoint: PodEndpoint, pod: number): Uint8Array {
    const known = this.#endpoints.get(endpoint);
    if (known !== undefined) return known;
    const made = field(2, endpointMessage(plan, endpoint, pod));
    this.#endpoints.set(endpoint, made);
    return made;
  }
}

function objectMeta({ name }: ServicePlan, triggeredAtMs: number): Uint8Array {
  return message((writer) => {
    text(writer, 1, name);
    text(writer, 3, NAMESPACE);
    nested(writer, 11, entry('kubernetes.io/service-name', name));
    nested(writer, 12, entry(TRIGGER_TIME, new Date(triggeredAtMs).toISOString()));
    // One empty entry of managedFields clears them, and the API server then keeps none for the object.
    nested(writer, 17, NOTHING);
  });
}

function endpointMessage(plan: ServicePlan, endpoint: PodEndpoint, pod: number): Uint8Array {
  const { addresses, conditions, nodeName, zone, targetRef } = sliceEndpoint(plan, endpoint, pod);
  return message((writer) => {
    for (const address of addresses) text(writer, 1, address);
    const { ready, serving, terminating } = conditions;
    nested(
      writer,
      2,
      message((inner) => {
        for (const [index, one] of [ready, serving, terminating].entries()) {
          inner.tag(index + 1, WireType.Varint).bool(one);
        }
      }),
    );
    nested(
      writer,
      4,
      message((inner) => {
        text(inner, 1, targetRef.kind);
        text(inner, 2, targetRef.namespace);
        text(inner, 3, targetRef.name);
        text(inner, 4, targetRef.uid);
      }),
    );
    text(writer, 6, nodeName);
    text(writer, 7, zone);
  });
}

function portMessage({ port }: ServicePlan): Uint8Array {
  return message((writer) => {
    text(writer, 1, 'http');
    text(writer, 2, 'TCP');
    writer.tag(3, WireType.Varint).int32(port);
  });
}

/** Of a map. */
function entry(key: string, value: string): Uint8Array {
  return message((writer) => {
    text(writer, 1, key);
    text(writer, 2, value);
  });
}

function message(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

function field(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([fieldHead(number, bytes.length), bytes]);
}

/** Of what is so many bytes long. */
function fieldHead(number: number, length: number): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(length).finish();
}

function nested(writer: BinaryWriter, field: number, inner: Uint8Array): void {
  writer.tag(field, WireType.LengthDelimited).bytes(inner);
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}
