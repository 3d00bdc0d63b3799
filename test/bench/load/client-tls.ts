import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { AUTHORITY } from '../scenario.ts';

/** The one group of the key exchange that clients offer, so that all engines do the same work. */
export const KEY_EXCHANGE_GROUP = 'X25519';

/** For a client of cluster east with an SVID. @param pki the folder of the keys */
export function clientTls(pki: string, alpn: string): ConnectionOptions {
  return {
    host: '127.0.0.1',
    cert: readFileSync(join(pki, 'client.crt')),
    key: readFileSync(join(pki, 'client.key')),
    ca: readFileSync(join(pki, 'root.pem')),
    servername: AUTHORITY,
    // The gateway's name is in its SPIFFE ID.
    checkServerIdentity: () => undefined,
    minVersion: 'TLSv1.3',
    ecdhCurve: KEY_EXCHANGE_GROUP,
    ALPNProtocols: [alpn],
  };
}
