import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a gateway written in Node is told, as JSON, by its one argument. */
export interface NodeGatewaySettings {
  readonly side: 'east' | 'west';
  /** Of `TLS_PORT` and `PORT` only east has any, west listens on `trunkPort`. */
  readonly port: number;
  readonly tlsPort: number;
  /** Where east dials. */
  readonly linkPort: number;
  readonly trunkPort: number;
  readonly backendPort: number;
  /** What clients and the backend speak. */
  readonly http2: boolean;
  readonly pki: string;
}

/** Node's own default closes idle clients within seconds; the other engines keep them for a minute and more. */
export const KEEP_ALIVE_TIMEOUT_MS = 300_000;

export function gatewaySettings(): NodeGatewaySettings {
  return JSON.parse(process.argv[2] ?? '') as NodeGatewaySettings;
}

/** For a server that asks for certificates and for a client that has one. */
export function credentials({ side, pki }: NodeGatewaySettings) {
  return {
    cert: readFileSync(join(pki, `${side}.crt`)),
    key: readFileSync(join(pki, `${side}.key`)),
    ca: readFileSync(join(pki, 'root.pem')),
    servername: 'gateway.west.mesh.example',
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ['h2', 'http/1.1'],
  };
}
