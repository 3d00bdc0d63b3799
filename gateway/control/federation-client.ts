import type { PeerCertificate } from 'node:tls';
import {
  Client,
  type ClientDuplexStream,
  type ClientWritableStream,
  credentials,
  type ServiceError,
  status,
  type VerifyOptions,
} from '@grpc/grpc-js';
import { readTextFile } from '../../federation/config/yaml-file.ts';
import { hostPort } from '../../federation/model/endpoint.ts';
import { federationId, type TrustDomain } from '../../federation/model/identity.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { enrolRequestToWire, issueRequestToWire } from '../../federation/wire/gateway-message.ts';
import type { GatewayMessage } from '../../federation/wire/gen/federation_pb.ts';
import {
  ENCODED_FOLLOW,
  FEDERATION_SERVICE,
  GATEWAY_CHANNEL_OPTIONS,
  ISSUER_SERVICE,
  type MethodDefinition,
} from '../../federation/wire/grpc-services.ts';
import { BundleError, parseBundle, type TrustBundles } from '../../trust/bundle.ts';
import { certificatesToPem } from '../../trust/pem.ts';
import type { Svid } from '../../trust/svid.ts';
import { SvidError } from '../../trust/svid-error.ts';
import { verifySvid } from '../../trust/verify.ts';
import type { ListenAddress } from '../config.ts';

const CALL_TIMEOUT_MS = 10_000;
const MAX_CHAIN = 8;

export interface FederationTarget {
  readonly address: ListenAddress;
  readonly trustDomain: TrustDomain;
  /** Vouches for the federation service. */
  readonly roots: readonly Uint8Array[];
}

/** What comes is `FederationMessage`s, encoded. */
export type FollowStream = ClientDuplexStream<GatewayMessage, Buffer>;
export type ReportStream = ClientWritableStream<GatewayMessage>;

/** One gRPC channel to this cluster's federation service, which must show its SVID. */
export class FederationClient {
  readonly #client: Client;
  readonly #address: string;

  /** Without an SVID only `issue` is of use. */
  constructor(target: FederationTarget, svid: Svid | undefined) {
    this.#address = hostPort(target.address.host, target.address.port);
    const key = svid === undefined ? null : Buffer.from(svid.privateKeyPem);
    const chain = svid === undefined ? null : Buffer.from(svid.certificateChainPem);
    const roots = Buffer.from(certificatesToPem(target.roots));
    this.#client = new Client(this.#address, credentials.createSsl(roots, key, chain, verification(target)), {
      ...GATEWAY_CHANNEL_OPTIONS,
      // An address is no name to ask for, and the certificate is checked by its SPIFFE ID.
      'grpc.ssl_target_name_override': `federation.${target.trustDomain}`,
      // Waiting between tries is ours: a channel that is made anew must not inherit an old one's patience.
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  follow(): FollowStream {
    const { path, requestSerialize, responseDeserialize } = ENCODED_FOLLOW;
    return this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  }

  /** `ended` resolves when the service ends the stream, and rejects with a gRPC error. */
  report(): { readonly stream: ReportStream; readonly ended: Promise<void> } {
    const { path, requestSerialize, responseDeserialize } = FEDERATION_SERVICE.report;
    const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
    const stream = this.#client.makeClientStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      (error) => (error === null ? resolve() : reject(error)),
    );
    // What goes wrong with the stream is what the call ends with.
    stream.on('error', () => undefined);
    return { stream, ended };
  }

  /** @throws UserError when the service cannot be reached or refuses. */
  async enrol(request: Uint8Array, remoteAddress: string): Promise<Uint8Array> {
    const message = enrolRequestToWire(request, remoteAddress);
    return (await this.#unary(FEDERATION_SERVICE.enrol, message)).response;
  }

  /** A certificate chain (leaf first) for a CSR. @throws UserError as `enrol`. */
  async issue(csrDer: Uint8Array, proof: string): Promise<Uint8Array[]> {
    return (await this.#unary(ISSUER_SERVICE.issue, issueRequestToWire(csrDer, proof))).chainDer;
  }

  close(): void {
    this.#client.close();
  }

  /** For a person: what went wrong, and what to do. */
  failure(error: unknown): UserError {
    return describeFailure(this.#address, error);
  }

  #unary<I, O>(method: MethodDefinition<I, O>, message: I): Promise<O> {
    const { path, requestSerialize, responseDeserialize } = method;
    const options = { deadline: Date.now() + CALL_TIMEOUT_MS };
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        message,
        options,
        (error, answer) => {
          if (error !== null) reject(this.failure(error));
          else if (answer === undefined) reject(this.failure(new Error('empty answer')));
          else resolve(answer);
        },
      );
    });
  }
}

/** @throws UserError when the file cannot be read or is no bundle. */
export async function loadRoots(
  bundleFile: string,
  trustDomain: TrustDomain,
): Promise<readonly Uint8Array[]> {
  const text = await readTextFile(bundleFile);
  try {
    const { rootsDer } = parseBundle(text, trustDomain);
    if (rootsDer.length > 0) return rootsDer;
    throw new UserError(`${bundleFile} holds no root: nothing can be trusted`, {
      hint: 'name the right bundle',
    });
  } catch (error) {
    if (!(error instanceof BundleError)) throw error;
    throw new UserError(`${bundleFile}: ${error.message}`, {
      hint: 'it must be a SPIFFE bundle, as `isthmus trust bundle` prints it',
      cause: error,
    });
  }
}

function verification(target: FederationTarget): VerifyOptions {
  const bundles: TrustBundles = new Map([[target.trustDomain, target.roots]]);
  const expected = federationId(target.trustDomain).text;
  return {
    checkServerIdentity: (_host, certificate) => {
      try {
        const [leaf, ...chain] = chainOf(certificate);
        if (leaf === undefined) return new Error('the server showed no certificate');
        const id = verifySvid(leaf, chain, bundles, Date.now());
        return id.text === expected ? undefined : new Error(`the server is ${id.text}, not ${expected}`);
      } catch (error) {
        if (error instanceof SvidError) return error;
        throw error;
      }
    },
  };
}

function chainOf(certificate: PeerCertificate): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let next: (PeerCertificate & { issuerCertificate?: PeerCertificate }) | undefined = certificate;
  while (next?.raw !== undefined && chain.length < MAX_CHAIN) {
    chain.push(next.raw);
    // A root is its own issuer.
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return chain;
}

function describeFailure(address: string, error: unknown): UserError {
  const where = `the federation service at ${address}`;
  if (!isServiceError(error)) return new UserError(`${where}: ${String(error)}`, { cause: error });
  switch (error.code) {
    case status.UNAVAILABLE:
    case status.DEADLINE_EXCEEDED:
      return new UserError(`cannot reach ${where}: ${plainDetails(error.details)}`, {
        hint: 'is it running, and is federation.address right?',
        cause: error,
      });
    case status.UNAUTHENTICATED:
    case status.PERMISSION_DENIED:
      return new RefusedError(`${where} refuses this gateway: ${error.details}`, {
        hint: 'the secret file of the gateway and gatewaySecretFile of the federation service must be the same',
        cause: error,
      });
    default:
      return new UserError(`${where}: ${error.details}`, { cause: error });
  }
}

/** The library wraps what the system said in words about its own inside. */
function plainDetails(details: string): string {
  return /Last error: (?:Error: )?(.*?)\.? Resolution note:/.exec(details)?.[1] ?? details;
}

/** Trying again changes nothing: a person must mend it. */
export class RefusedError extends UserError {}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error;
}
