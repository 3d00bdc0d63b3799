import { expectedText } from '../../trust/upstream-tls.ts';
import type { UpstreamPlan } from './upstream-plan.ts';

/** How pods are spoken to, in a sentence for `isthmus why`. */
export function upstreamText({ protocol, tls }: UpstreamPlan): string {
  if (tls === undefined) return `${PLAINTEXT[protocol]}.`;
  const kind = tls.mutual ? 'Mutual TLS' : 'TLS';
  const signers = tls.authorities === undefined ? 'the trust bundles' : 'the authorities of its policy';
  const names = tls.names.map(expectedText).join(' or ');
  return `${kind} to ${tls.serverName}, then ${INSIDE[protocol]}; certificates by ${signers} for ${names}.`;
}

const PLAINTEXT = {
  http: 'HTTP/1.1 in plaintext',
  http2: 'HTTP/2 in plaintext',
  tcp: 'The bytes as they are',
} as const;

const INSIDE = {
  http: 'HTTP/2 or HTTP/1.1 as the pod chooses',
  http2: 'HTTP/2',
  tcp: 'the bytes as they are',
} as const;
