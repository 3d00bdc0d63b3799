import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { hostPort } from '../../model/endpoint.ts';
import { UserError } from '../../model/user-error.ts';
import { type Clock, SYSTEM_CLOCK } from '../../runtime/clock.ts';
import type { StoreDriver } from '../driver.ts';
import { StoreLimitError } from '../limits.ts';
import { firstFault } from '../schema-fault.ts';
import { MemoryDriver } from './memory-driver.ts';
import { MemoryStore } from './memory-store.ts';
import {
  CALL_METHOD,
  MAX_REQUEST_BYTES,
  MAX_RESPONSE_BYTES,
  requestSchema,
  type StoreRequest,
} from './protocol.ts';

export interface MemoryStoreServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface ServeOptions {
  readonly host: string;
  /** 0 = any that is free. */
  readonly port: number;
  readonly clock?: Clock;
  /** Served instead of a new one. */
  readonly store?: MemoryStore;
}

/**
 * A store process's whole work: a MemoryStore over gRPC. It knows no users and no TLS: for one machine, or for a
 * network that is trusted.
 * @throws UserError when the address cannot be listened on.
 */
export async function serveMemoryStore(options: ServeOptions): Promise<MemoryStoreServer> {
  const clock = options.clock ?? SYSTEM_CLOCK;
  const store = options.store ?? new MemoryStore(clock);
  const server = new Server({
    'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
    'grpc.max_send_message_length': MAX_RESPONSE_BYTES,
  });
  server.addService({ call: CALL_METHOD }, { call: answering(store, clock) });
  const port = await bind(server, options.host, options.port);
  return {
    port,
    close: async () => server.forceShutdown(),
  };
}

function bind(server: Server, host: string, port: number): Promise<number> {
  const address = hostPort(host, port);
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (failure, bound) => {
      if (failure === null) return resolve(bound);
      const hint = 'another process may listen there already: choose another port';
      reject(new UserError(`the store cannot listen on ${address}`, { hint, cause: failure }));
    });
  });
}

function answering(store: MemoryStore, clock: Clock) {
  return (call: ServerUnaryCall<unknown, unknown>, respond: sendUnaryData<unknown>): void => {
    const request = requestSchema.safeParse(call.request);
    if (!request.success) {
      respond({ code: status.INVALID_ARGUMENT, details: firstFault(request.error) });
      return;
    }
    const driver = new MemoryDriver(store, clock);
    call.on('cancelled', () => void driver.close());
    perform(driver, request.data).then(
      (result) => respond(null, { result }),
      (failure: unknown) => respond({ code: codeOf(failure), details: String(failure).slice(0, 300) }),
    );
  };
}

function codeOf(failure: unknown): status {
  return failure instanceof StoreLimitError ? status.RESOURCE_EXHAUSTED : status.INTERNAL;
}

async function perform(driver: StoreDriver, request: StoreRequest): Promise<unknown> {
  switch (request.call) {
    case 'ping':
      return null;
    case 'members':
      return driver.members();
    case 'addMember':
      return nothing(driver.addMember(request.cluster));
    case 'acquire':
      return driver.acquire({ ...request, lease: request.lease });
    case 'release':
      return nothing(driver.release(request.cluster, request.holder));
    case 'commit':
      return driver.commit({
        ...request,
        lease: request.lease,
        changes: request.changes.map(({ field, version, text }) => ({ field, version, text })),
      });
    case 'stage':
      return nothing(driver.stage(request.cluster, request.epoch, request.records));
    case 'promote':
      return driver.promote({ ...request, lease: request.lease });
    case 'readHead':
      return driver.readHead(request.cluster);
    case 'readAll':
      return driver.readAll(request.cluster);
    case 'readRecords':
      return (await driver.readRecords(request.cluster, request.fields)).map((record) => record ?? null);
    case 'readLog':
      return driver.readLog(new Map(request.positions), request.blockMs);
    case 'readDocument':
      return (await driver.readDocument(request.key)) ?? null;
    case 'writeDocument':
      return nothing(driver.writeDocument(request.key, request.document));
  }
}

async function nothing(work: Promise<void>): Promise<null> {
  await work;
  return null;
}
