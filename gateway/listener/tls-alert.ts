/**
 * What a TLS client hears before the handshake that goes no further: a fatal alert in a plaintext record (RFC 8446
 * sections 5.1 and 6). It says more to a person than a connection that just ends.
 */
function fatalAlert(description: number): Buffer {
  return Buffer.of(21, 3, 3, 0, 2, 2, description);
}

/** The server name is none of a service (RFC 6066 section 3). */
export const UNRECOGNIZED_NAME = fatalAlert(112);
/** There is no server name, which is needed here (RFC 8446 section 9.2). */
export const MISSING_EXTENSION = fatalAlert(109);
