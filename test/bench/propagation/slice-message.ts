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

const TYPE_META = message((writer) => {
  text(writer, 1, 'discovery.k8s.io/v1');
  text(writer, 2, 'EndpointSlice');
});

/**
 * EndpointSlices in protobuf, which is what Kubernetes' own controller writes: `runtime.Unknown` around
 * `k8s.io/api/discovery/v1` (generated.proto of k8s.io/apimachinery and k8s.io/api).
 */
export class SliceMessages {
  readonly #endpoints = new WeakMap<PodEndpoint, Uint8Array>();

  /** The same object as `sliceObject` of these arguments. */
  encode(plan: ServicePlan, triggeredAtMs: number): Buffer {
    const endpoints = plan.endpoints.map((endpoint, pod) => {
      const known = this.#endpoints.get(endpoint);
      if (known !== undefined) return known;
      const made = endpointMessage(plan, endpoint, pod);
      this.#endpoints.set(endpoint, made);
      return made;
    });
    const slice = message((writer) => {
      nested(writer, 1, objectMeta(plan, triggeredAtMs));
      for (const endpoint of endpoints) nested(writer, 2, endpoint);
      nested(writer, 3, portMessage(plan));
      text(writer, 4, 'IPv4');
    });
    const unknown = message((writer) => {
      nested(writer, 1, TYPE_META);
      nested(writer, 2, slice);
    });
    return Buffer.concat([MAGIC, unknown]);
  }
}

function objectMeta({ name }: ServicePlan, triggeredAtMs: number): Uint8Array {
  return message((writer) => {
    text(writer, 1, name);
    text(writer, 3, NAMESPACE);
    nested(writer, 11, entry('kubernetes.io/service-name', name));
    nested(writer, 12, entry(TRIGGER_TIME, new Date(triggeredAtMs).toISOString()));
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

function nested(writer: BinaryWriter, field: number, inner: Uint8Array): void {
  writer.tag(field, WireType.LengthDelimited).bytes(inner);
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}
