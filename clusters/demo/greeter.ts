import type { ServiceDefinition } from '@grpc/grpc-js';

/** What the demo's gRPC service says; JSON on the wire, so that no generated code is needed to try it. */
export interface Greeting {
  readonly cluster?: string;
  readonly text: string;
}

function serialize(greeting: Greeting): Buffer {
  return Buffer.from(JSON.stringify(greeting));
}

function deserialize(bytes: Buffer): Greeting {
  return JSON.parse(bytes.toString()) as Greeting;
}

function method(path: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/isthmus.demo.Greeter/${path}`,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  };
}

/** One method of each kind that gRPC has. */
export const GREETER = {
  greet: method('Greet', false, false),
  /** The same greeting ten times, 50 ms apart. */
  repeat: method('Repeat', false, true),
  /** All texts joined, when the client has finished. */
  collect: method('Collect', true, false),
  /** Each text back as it comes. */
  chat: method('Chat', true, true),
} satisfies ServiceDefinition;
