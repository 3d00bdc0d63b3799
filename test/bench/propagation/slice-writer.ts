import { Agent, request } from 'node:https';
import type { KubeApiServer } from '../../fixtures/kube-api-server.ts';
import { NAMESPACE, type ServicePlan } from './service-objects.ts';
import { SliceMessages } from './slice-message.ts';

/** Enough that one slow write holds up no other. */
const CONNECTIONS = 8;
/** As Kubernetes' own controllers speak, in both directions. */
const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** Replaces EndpointSlices, whatever version is there, at little cost of its own: answers are not read. */
export class SliceWriter {
  readonly #agent: Agent;
  readonly #port: number;
  readonly #authorization: string;
  readonly #messages = new SliceMessages();

  constructor({ caPem, token, port }: Pick<KubeApiServer, 'caPem' | 'token' | 'port'>) {
    this.#agent = new Agent({ ca: caPem, keepAlive: true, maxSockets: CONNECTIONS });
    this.#port = port;
    this.#authorization = `Bearer ${token}`;
  }

  /**
   * @param triggeredAtMs when what it tells of happened, Unix ms
   * @throws when the API server did not take it
   */
  replace(plan: ServicePlan, triggeredAtMs: number): Promise<void> {
    const body = this.#messages.encode(plan, triggeredAtMs);
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          agent: this.#agent,
          host: '127.0.0.1',
          port: this.#port,
          method: 'PUT',
          path: `/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices/${plan.name}`,
          headers: {
            accept: PROTOBUF,
            authorization: this.#authorization,
            'content-type': PROTOBUF,
            'content-length': body.length,
          },
        },
        (answer) => {
          answer.resume();
          answer.on('end', () => {
            if (answer.statusCode === 200) resolve();
            else reject(new Error(`PUT ${plan.name}: ${answer.statusCode}`));
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
