import {
  createServer as createHttp1Server,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import {
  createSecureServer,
  createServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import proxy from 'http2-proxy';
import { credentials, gatewaySettings, KEEP_ALIVE_TIMEOUT_MS } from './gateway-settings.ts';

/** A gateway as one writes it with the package http2-proxy; between the two it speaks HTTP/1.1 over mutual TLS. */
const settings = gatewaySettings();
const east = settings.side === 'east';
const identity = credentials(settings);
const secureAgent = new HttpsAgent({
  ...identity,
  keepAlive: true,
  maxSockets: 1000,
  ALPNProtocols: ['http/1.1'],
});
const plainAgent = new HttpAgent({ keepAlive: true, maxSockets: 4000 });

const patient = { keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS };

type Request = IncomingMessage & Http2ServerRequest;
type Response = ServerResponse & Http2ServerResponse;

async function serve(request: Request, response: Response): Promise<void> {
  const port = east ? settings.linkPort : settings.backendPort;
  try {
    await proxy.web(request, response, {
      hostname: '127.0.0.1',
      port,
      onReq: (_request, options) =>
        (east
          ? httpsRequest({ ...options, agent: secureAgent, servername: identity.servername } as object)
          : httpRequest({ ...options, agent: plainAgent } as object)) as never,
    });
  } catch {
    // Whoever asked sees it, and the benchmark counts it.
    response.destroy();
  }
}

const onRequest = (request: unknown, response: unknown): void => {
  void serve(request as Request, response as Response);
};

const secure = createSecureServer({ ...identity, allowHTTP1: true }, onRequest);
// Its types leave out what it takes for clients of HTTP/1.1.
Object.assign(secure, patient);
secure.listen(east ? settings.tlsPort : settings.trunkPort, '127.0.0.1');
if (east && settings.http2) createServer(onRequest).listen(settings.port, '127.0.0.1');
else if (east) createHttp1Server(patient, onRequest).listen(settings.port, '127.0.0.1');
