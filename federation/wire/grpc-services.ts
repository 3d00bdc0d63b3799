import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { BOUNDS } from './bounds.ts';
import * as wire from './gen/federation_pb.ts';

/** One method, in the shape that @grpc/grpc-js takes for servers and for clients. */
export interface MethodDefinition<Request, Response> {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (message: Request) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseSerialize: (message: Response) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

/** For gateways: mTLS with the gateway's SVID. */
export const FEDERATION_SERVICE = {
  follow: method(wire.Federation.method.follow),
  report: method(wire.Federation.method.report),
  enrol: method(wire.Federation.method.enrol),
} as const;

/** `follow` with what the service sends left encoded: SnapshotEncoder makes it, and gateways read it piece by piece. */
export const ENCODED_FOLLOW: MethodDefinition<wire.GatewayMessage, Buffer> = {
  ...FEDERATION_SERVICE.follow,
  responseSerialize: (message) => message,
  responseDeserialize: (bytes) => bytes,
};

/** For gateways that have no SVID yet: TLS without a client certificate. */
export const ISSUER_SERVICE = {
  issue: method(wire.Issuer.method.issue),
} as const;

/** Channel options of @grpc/grpc-js for the gateway's side. */
export const GATEWAY_CHANNEL_OPTIONS = {
  'grpc.max_receive_message_length': BOUNDS.messageBytes,
  'grpc.max_send_message_length': BOUNDS.gatewayMessageBytes,
  'grpc.keepalive_time_ms': 5000,
  'grpc.keepalive_timeout_ms': 3000,
} as const;

/** Server options of @grpc/grpc-js for the federation service's side. */
export const FEDERATION_SERVER_OPTIONS = {
  'grpc.max_receive_message_length': BOUNDS.gatewayMessageBytes,
  'grpc.max_send_message_length': BOUNDS.messageBytes,
  'grpc.keepalive_time_ms': 5000,
  'grpc.keepalive_timeout_ms': 3000,
} as const;

interface MethodDescription<I extends DescMessage, O extends DescMessage> {
  readonly methodKind: 'unary' | 'server_streaming' | 'client_streaming' | 'bidi_streaming';
  readonly name: string;
  readonly parent: { readonly typeName: string };
  readonly input: I;
  readonly output: O;
}

function method<I extends DescMessage, O extends DescMessage>(
  description: MethodDescription<I, O>,
): MethodDefinition<MessageShape<I>, MessageShape<O>> {
  const { methodKind, input, output } = description;
  return {
    path: `/${description.parent.typeName}/${description.name}`,
    requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
    responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
    requestSerialize: (message) => encode(input, message),
    requestDeserialize: (bytes) => fromBinary(input, bytes),
    responseSerialize: (message) => encode(output, message),
    responseDeserialize: (bytes) => fromBinary(output, bytes),
  };
}

function encode<S extends DescMessage>(schema: S, message: MessageShape<S>): Buffer {
  const bytes = toBinary(schema, message);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
