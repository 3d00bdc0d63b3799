/**
 * The one list of what the gateway refuses, on its own account or by a limit: the words of
 * `isthmus_rejected_total{reason}`, each with what happened. They count messages and connections of clients, peers and
 * pods alike; never anything that a client could choose, so the number of series is fixed.
 */
export const REJECTIONS = {
  // Floods and limits of one connection.
  'rapid-reset':
    'HTTP/2: more resets than the budget, its own or those that it made us send, refusals before a body ended included',
  'ping-flood': 'HTTP/2: more PING frames, or answers to none of ours, than the budget',
  'settings-flood': 'HTTP/2: more SETTINGS frames or acknowledgements than the budget',
  'priority-flood': 'HTTP/2: more PRIORITY frames than the budget',
  'goaway-flood': 'HTTP/2: more GOAWAY frames than the budget',
  'window-update-flood': 'HTTP/2: more WINDOW_UPDATE frames than the budget',
  'unknown-frame-flood': 'HTTP/2: more frames of unknown types than the budget',
  'empty-data-flood': 'HTTP/2: DATA frames without a byte, in a row',
  'continuation-flood':
    'HTTP/2: a header block of too many CONTINUATION frames, or of too many bytes as it came in',
  'control-queue-full': 'HTTP/2: a peer that does not read the answers to its own frames',
  'max-concurrent-streams': 'HTTP/2: a stream more than may be open',
  'headers-too-large': 'a header block of too many fields or bytes: 431',
  'trailers-too-large': 'HTTP/1: trailers of too many bytes: 431',
  'header-timeout': 'first bytes, a head, a header block or a frame that took too long',
  'settings-timeout': 'HTTP/2: no preface, or no answer to our SETTINGS, in time',
  'body-timeout': 'a request body without any progress for the idle time',
  'unwanted-body':
    'a peer that sent on and on after the answer to its request, or after the end of its connection: what came was dropped, and it was cut off',
  'tcp-idle-timeout': 'an opaque connection on which nothing moved in either direction for the TCP idle time',
  'ping-timeout':
    'HTTP/2: a pod with requests under way that was silent, and did not answer a PING either: its connection was lost',
  'flush-timeout':
    'a client that did not read, or did not open its window, for the flush time; anybody, while memory is short',
  'held-bytes-exhausted':
    'the worker holds all the bytes that it may for slow readers: the stream was given up',

  // Limits of the worker.
  connections: 'more connections than the worker may have',
  'active-requests': 'more requests under way than the worker may have: REFUSED_STREAM or 503',
  memory: 'the worker holds all the bytes that it may: a request was answered with REFUSED_STREAM or 503',
  'overload-requests':
    'the worker has too much to do: a request was answered with REFUSED_STREAM, in HTTP/1 with 503',
  'overload-connections': 'the worker has far too much to do: a connection was closed',
  'access-log': 'a line of the access log was lost',

  // Towards pods: the bounds of one worker to one endpoint. 503, unless another endpoint or cluster takes the request.
  'upstream-max-connections': 'an opaque connection more than an endpoint may have',
  'upstream-max-pending-requests': 'a request more than may wait for a connection to an endpoint',
  'upstream-max-requests': 'a request more than may be under way to an endpoint',

  // Towards pods, where a TrafficPolicy asks for TLS.
  'upstream-alpn': 'a pod that chose none of the protocols that its port may speak',
  'upstream-certificate':
    "a pod's certificate that no authority of the policy vouches for, or that is not valid",
  'upstream-identity': "a pod's certificate for another name or SPIFFE ID than the policy wants",
  'upstream-tls-handshake': 'a TLS handshake with a pod failed',

  // Who may come.
  'tls-handshake': 'a TLS handshake failed',
  'tls-handshake-timeout': 'a TLS handshake took too long',
  'client-hello-invalid': 'on the TLS passthrough port: something that is no well-formed ClientHello',
  'server-name-missing': 'on the TLS passthrough port: a ClientHello that names no server',
  'tls-on-plaintext-port': 'TLS on the port of a service, which is plaintext',
  'not-a-client': 'a trunk or a joining cluster on the HTTP port',
  'unknown-peer': 'a trunk from a cluster that is no peer',
  'no-identity': 'TLS before the gateway had its first SVID',
  'no-snapshot': 'a connection before the gateway had its first snapshot',
  'enrolment-rate': 'more joining clusters at once or a minute than may be',
  'enrolment-malformed': 'a joining cluster said something that is no request',
  'enrolment-not-relayed': 'a request to join could not be passed on to the federation service',
  'foreign-caller': "a trunk named a caller of another cluster's trust domain",
  access: 'an AccessPolicy denied the request: 403',
  'access-audit': 'an AccessPolicy in audit mode would have denied the request, which was let in',
  'rate-limit-service': 'a request more than a TrafficPolicy lets through to the service: 429',
  'rate-limit-caller': 'a request more than a TrafficPolicy lets through of one caller: 429',
  'rate-limit-route': 'a request more than a TrafficPolicy lets through by one rule of a route: 429',
  'rate-limit-route-and-caller':
    'a request more than a TrafficPolicy lets through of one caller by one rule of a route: 429',
  misdirected: 'a TLS connection for one name asked for another authority: 421',

  // Messages of both versions that break a rule.
  internal: 'a defect of the gateway ended a connection: 500 or INTERNAL_ERROR',
  'authority-host-mismatch': '`:authority` or the request target, and Host, name different hosts: 400',
  'connection-field': 'a field of the connection in HTTP/2, or one that `connection` may not name',
  'content-length-invalid': 'a content-length that is no number',
  'trailers-invalid': 'trailers with a field that they must not have',

  // HTTP/1 messages.
  'bare-lf': 'a line that ends without CR',
  'chunk-end': 'a chunk that is longer or shorter than it said',
  'chunk-extension': 'a chunk extension that is malformed or too long',
  'chunk-size': 'a chunk size that is no hexadecimal number of at most 12 digits',
  'content-length-twice': 'two content-lengths',
  'content-length-with-transfer-encoding': 'a message with both framings',
  'field-name': 'a field name with a byte that it must not have',
  'field-value': 'a field value with a byte that it must not have',
  'folded-line': 'a field continued on the next line (obs-fold)',
  'host-invalid': 'a Host that is no host',
  'host-missing': 'a request without Host',
  'host-twice': 'two Host fields',
  'request-line': 'a malformed request line',
  'request-target': 'a request target of a form that does not belong to its method',
  'response-extra-bytes': 'a pod sent bytes after its response',
  'space-before-colon': 'a space between a field name and its colon',
  'status-line': 'a malformed status line',
  'transfer-encoding-in-1.0': 'a transfer coding in HTTP/1.0',
  'transfer-encoding-invalid': 'a transfer coding that does not end in chunked',
  'transfer-encoding-twice': 'two Transfer-Encoding fields',
  'transfer-encoding-unsupported': 'a transfer coding beside chunked: 501',
  'mirror-overflow': 'a copy of a request was not sent, for too many are under way',
  'mirror-slow':
    'a copy of a request was given up, for its backend takes it more slowly than the request comes',
  'upgrade-unasked': 'a pod went over to a protocol that nobody asked for',
  'version-unsupported': 'a version of HTTP/1 other than 1.0 and 1.1: 505',
  'websocket-accept': 'a pod answered with a wrong sec-websocket-accept',

  // HTTP/2 frames.
  compression: 'a header block that breaks HPACK',
  'continuation-missing': 'another frame inside a header block',
  'continuation-unexpected': 'CONTINUATION outside a header block',
  'frame-size': 'a frame of a size that its type must not have',
  'frame-too-large': 'a frame above SETTINGS_MAX_FRAME_SIZE',
  'invalid-setting': 'a setting outside its range',
  padding: 'padding longer than its frame',
  'push-promise': 'PUSH_PROMISE, which we never allow',
  'settings-missing': 'a first frame other than SETTINGS',
  'stream-closed': 'a frame on a stream that is closed',
  'stream-id': 'a frame on a stream that it must not be on',
  'stream-idle': 'a frame on a stream that nobody has opened',
  'stream-window-exceeded': 'more DATA than the window of its stream',
  'window-increment': 'WINDOW_UPDATE of 0',
  'window-overflow': 'a window above 2^31-1',
  'wrong-preface': 'bytes other than the preface of HTTP/2',

  // HTTP/2 messages.
  'authority-invalid': 'an authority that is none',
  'data-before-headers': 'DATA before the headers of a response',
  'connect-invalid': 'CONNECT with the wrong pseudo-header fields',
  'content-length-mismatch': 'more or less DATA than content-length says',
  'informational-end': 'an informational response that ends its stream',
  'invalid-field': 'a field with a byte that it must not have',
  'method-invalid': 'a method that is no token',
  'path-invalid': 'a path that is none',
  'pseudo-header-in-trailers': 'a pseudo-header field in trailers',
  'pseudo-header-late': 'a pseudo-header field after a regular one',
  'pseudo-header-missing': 'a message without its pseudo-header fields',
  'pseudo-header-twice': 'a pseudo-header field twice',
  'pseudo-header-unknown': 'a pseudo-header field that does not belong there',
  'scheme-unsupported': 'a scheme other than http and https: 400',
  'status-invalid': 'a status that is none',
  'te-field': 'a TE other than trailers',
  'trailers-without-end': 'a second header block that does not end its stream',
  'upgrade-unsupported': 'extended CONNECT for a protocol other than websocket: 501',
} as const satisfies Record<string, string>;

/** `svid-…`: the rule of SPIFFE or RFC 5280 that a peer's certificate broke, as `trust/svid-error.ts` lists them. */
export type RejectionReason = keyof typeof REJECTIONS | `svid-${string}`;
