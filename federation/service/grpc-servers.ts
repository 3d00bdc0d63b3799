import type { Duplex } from 'node:stream';
import {
  type ConnectionInjector,
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { enrolResponseToWire, issueResponseToWire } from '../wire/gateway-message.ts';
import type {
  EnrolRequest,
  EnrolResponse,
  GatewayMessage,
  IssueRequest,
  IssueResponse,
  ReportResponse,
} from '../wire/gen/federation_pb.ts';
import {
  ENCODED_FOLLOW,
  FEDERATION_SERVER_OPTIONS,
  FEDERATION_SERVICE,
  ISSUER_SERVICE,
} from '../wire/grpc-services.ts';
import type { FollowCall } from './gateway-session.ts';
import { IssueRefusal, type Issuer } from './issuer.ts';
import type { ReportAnswer, ReportCall } from './report-session.ts';

/** Answers a joining cluster; `clusters/` has it. */
export interface Enrolment {
  /** @throws Error whose message the joining side may read. */
  enrol(request: Uint8Array, context: { readonly remoteAddress: string }): Promise<Uint8Array>;
}

export interface GrpcHandlers {
  readonly follow: (call: FollowCall) => void;
  readonly report: (call: ReportCall, answer: ReportAnswer) => void;
  readonly enrolment: Enrolment;
  readonly issuer: Issuer;
  /** A failure that no caller is told of. */
  readonly onFailure: (what: string, failure: unknown) => void;
}

/** What a stranger may send: one certificate request. */
const STRANGER_OPTIONS = {
  'grpc.max_receive_message_length': 64 * 1024,
  'grpc.max_concurrent_streams': 4,
  'grpc.max_connection_age_ms': 30_000,
  'grpc.max_connection_age_grace_ms': 5000,
};

const SHUTDOWN_GRACE_MS = 500;

const ISSUE_STATUS: Readonly<Record<IssueRefusal['code'], status>> = {
  unauthenticated: status.UNAUTHENTICATED,
  invalid: status.INVALID_ARGUMENT,
  exhausted: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
};

/**
 * The two gRPC servers behind the connection front. Neither listens: which of them a connection comes to is decided
 * by its certificate.
 */
export class GrpcServers {
  readonly #federation: Server;
  readonly #issuer: Server;
  readonly #toFederation: ConnectionInjector;
  readonly #toIssuer: ConnectionInjector;

  constructor(handlers: GrpcHandlers) {
    this.#federation = new Server(FEDERATION_SERVER_OPTIONS);
    this.#federation.addService(
      { ...FEDERATION_SERVICE, follow: ENCODED_FOLLOW },
      {
        follow: handlers.follow,
        report: (
          call: ServerReadableStream<GatewayMessage, ReportResponse>,
          answer: sendUnaryData<ReportResponse>,
        ) => handlers.report(call, answer),
        enrol: unary('enrol', enrol(handlers.enrolment), handlers),
      },
    );
    this.#issuer = new Server(STRANGER_OPTIONS);
    this.#issuer.addService(ISSUER_SERVICE, { issue: unary('issue', issue(handlers.issuer), handlers) });
    this.#toFederation = this.#federation.createConnectionInjector(ServerCredentials.createInsecure());
    this.#toIssuer = this.#issuer.createConnectionInjector(ServerCredentials.createInsecure());
  }

  /** Takes a connection whose peer is a gateway of this cluster. */
  serveGateway(connection: Duplex): void {
    this.#toFederation.injectConnection(connection);
  }

  /** Takes a connection of whoever. */
  serveStranger(connection: Duplex): void {
    this.#toIssuer.injectConnection(connection);
  }

  /** Lets calls that are ending end, and ends those that are left. */
  async close(): Promise<void> {
    await Promise.all([shutDown(this.#federation), shutDown(this.#issuer)]);
  }
}

function shutDown(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cancel = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, SHUTDOWN_GRACE_MS);
    server.tryShutdown(() => {
      clearTimeout(cancel);
      resolve();
    });
  });
}

class Answer extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

function issue(issuer: Issuer): (request: IssueRequest) => Promise<IssueResponse> {
  return async ({ csrDer, proof }) => {
    try {
      return issueResponseToWire(await issuer.issue(csrDer, proof));
    } catch (failure) {
      if (failure instanceof IssueRefusal) throw new Answer(ISSUE_STATUS[failure.code], failure.message);
      throw failure;
    }
  };
}

function enrol(enrolment: Enrolment): (request: EnrolRequest) => Promise<EnrolResponse> {
  return async ({ request, remoteAddress }) =>
    enrolResponseToWire(await enrolment.enrol(request, { remoteAddress: remoteAddress.slice(0, 100) }));
}

/** Details of what went wrong stay in our log, unless they were meant for the caller. */
function unary<I, O>(what: string, run: (request: I) => Promise<O>, handlers: GrpcHandlers) {
  return (call: ServerUnaryCall<I, O>, callback: sendUnaryData<O>): void => {
    run(call.request).then(
      (response) => callback(null, response),
      (failure: unknown) => {
        if (!(failure instanceof Answer)) handlers.onFailure(what, failure);
        const told = failure instanceof Answer ? failure : new Answer(status.INTERNAL, `${what} failed`);
        callback({ code: told.code, details: told.message });
      },
    );
  };
}
