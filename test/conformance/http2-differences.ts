/** As `http1-differences.ts`, for frames: what `node:http2` and nghttpd made of them, what we did, and the section. */
export const EXPLAINED: Readonly<Record<string, readonly [difference: string, why: string]>> = {
  'nghttpd, 5.3.2: a stream that depends on itself, by HEADERS': [
    'connection PROTOCOL_ERROR; we: fine',
    'RFC 9113 5.3.2: the priorities of RFC 7540, and with them this rule of its 5.3.1, are deprecated',
  ],
  'nghttpd, 5.3.2: a stream that depends on itself, by PRIORITY: RFC 9113 has no such rule any more': [
    'connection PROTOCOL_ERROR; we: fine',
    'RFC 9113 5.3.2: the priorities of RFC 7540, and with them this rule of its 5.3.1, are deprecated',
  ],
  'nghttpd, 6.9.2: a stream window past 2^31-1 by a setting': [
    'stream FLOW_CONTROL_ERROR; we: connection FLOW_CONTROL_ERROR',
    'RFC 9113 6.9.2: must be an error of the connection',
  ],
  'nghttpd, DATA after the end': [
    'connection STREAM_CLOSED; we: stream STREAM_CLOSED',
    'RFC 9113 5.1: an error of the stream, which may be taken for one of the connection',
  ],
  'nghttpd, a fragment in :path': [
    'fine; we: stream PROTOCOL_ERROR',
    'RFC 9113 8.3.1: :path is path and query, and no fragment',
  ],
  'node, 5.3.2: a stream that depends on itself, by HEADERS': [
    'connection PROTOCOL_ERROR; we: fine',
    'RFC 9113 5.3.2: the priorities of RFC 7540, and with them this rule of its 5.3.1, are deprecated',
  ],
  'node, 6.7: a PING with ACK is no question': [
    'connection INTERNAL_ERROR; we: fine',
    'RFC 9113 6.7: an answer that nobody waits for is no error; Node ends the session',
  ],
  'node, CR LF in a value': [
    'fine; we: stream PROTOCOL_ERROR',
    'RFC 9113 8.2.1: must be treated as malformed; Node drops the field and takes the request',
  ],
  'node, DATA after the end': [
    'connection STREAM_CLOSED; we: stream STREAM_CLOSED',
    'RFC 9113 5.1: an error of the stream, which may be taken for one of the connection',
  ],
  'node, NUL in a value': [
    'fine; we: stream PROTOCOL_ERROR',
    'RFC 9113 8.2.1: must be treated as malformed; Node drops the field and takes the request',
  ],
  'node, a fragment in :path': [
    'fine; we: stream PROTOCOL_ERROR',
    'RFC 9113 8.3.1: :path is path and query, and no fragment',
  ],
  'node, a space before a value': [
    'fine; we: stream PROTOCOL_ERROR',
    'RFC 9113 8.2.1: must be treated as malformed; Node drops the field and takes the request',
  ],
};
