import { Agent, request } from 'node:https';
import type { KubeObject } from '../../../clusters/kubernetes/resource-type.ts';
import type { KubeApiServer } from '../../fixtures/kube-api-server.ts';
import { NAMESPACE } from './service-objects.ts';

/** Enough that one slow write holds up no other. */
const CONNECTIONS = 8;

/** Replaces EndpointSlices, whatever version is there, at little cost of its own: answers are not read. */
export class SliceWriter {
  readonly #agent: Agent;
  readonly #port: number;
  readonly #authorization: string;

  constructor({ caPem, token, port }: Pick<KubeApiServer, 'caPem' | 'token' | 'port'>) {
    this.#agent = new Agent({ ca: caPem, keepAlive: true, maxSockets: CONNECTIONS });
    this.#port = port;
    this.#authorization = `Bearer ${token}`;
  }

  /** @throws when the API server did not take it */
  replace(slice: KubeObject): Promise<void> {
    const body = JSON.stringify(slice);
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          agent: this.#agent,
          host: '127.0.0.1',
          port: this.#port,
          method: 'PUT',
          path: `/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices/${slice.metadata.name}`,
          headers: {
            authorization: this.#authorization,
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
          },
        },
        (answer) => {
          answer.resume();
          answer.on('end', () => {
            if (answer.statusCode === 200) resolve();
            else reject(new Error(`PUT ${slice.metadata.name}: ${answer.statusCode}`));
          });
          answer.on('error', reject);
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
