import { connect } from 'node:tls';
import type { KubeApiServer } from '../../fixtures/kube-api-server.ts';
import { KeepAliveClient } from './keep-alive-client.ts';
import { NAMESPACE, type ServicePlan } from './service-objects.ts';
import { SliceMessages } from './slice-message.ts';

/** Enough that one slow write holds up no other. */
const CONNECTIONS = 8;
/** As Kubernetes' own controllers speak. */
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
/** Nobody reads the answer: of the object, its metadata will do. */
const ACCEPT = `${PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`;
const OK = 200;

/** Replaces EndpointSlices, whatever version is there, at little cost of its own. */
export class SliceWriter {
  readonly #client: KeepAliveClient;
  readonly #fields: string;
  readonly #messages = new SliceMessages();

  constructor({ caPem, token, port }: Pick<KubeApiServer, 'caPem' | 'token' | 'port'>) {
    this.#client = new KeepAliveClient(() => connect({ host: '127.0.0.1', port, ca: caPem }), CONNECTIONS);
    const lines = [`host: 127.0.0.1:${port}`, `authorization: Bearer ${token}`];
    this.#fields = [...lines, `accept: ${ACCEPT}`, `content-type: ${PROTOBUF}`].join('\r\n');
  }

  /**
   * @param triggeredAtMs when what it tells of happened, Unix ms
   * @throws when the API server did not take it
   */
  async replace(plan: ServicePlan, triggeredAtMs: number): Promise<void> {
    const body = this.#messages.encode(plan, triggeredAtMs);
    const path = `/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices/${plan.name}`;
    const head = `PUT ${path} HTTP/1.1\r\n${this.#fields}\r\ncontent-length: ${body.length}\r\n\r\n`;
    const status = await this.#client.ask(Buffer.concat([Buffer.from(head, 'latin1'), body]));
    if (status !== OK) throw new Error(`PUT ${plan.name}: ${status}`);
  }

  close(): void {
    this.#client.close();
  }
}
