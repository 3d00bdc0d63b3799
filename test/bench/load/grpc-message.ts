const PREFIX_BYTES = 5;

/** One gRPC message with its prefix, `bytes` in all: not compressed, its length, its bytes. */
export function grpcMessage(bytes: number): Buffer {
  const message = Buffer.alloc(bytes, 'x');
  message.writeUIntBE(bytes - PREFIX_BYTES, 0, PREFIX_BYTES);
  return message;
}
