/**
 * How others read the cases of `http1-cases.ts` otherwise than we do, and why that is right: what they made of it,
 * ours, and the section. Versions: those of Debian 12, and the Node that the tests run on.
 */
export const EXPLAINED: Readonly<Record<string, readonly [difference: string, why: string]>> = {
  'haproxy, Content-Length and chunks': [
    'POST , refused; we: refused',
    'RFC 9112 6.3: may be refused, or read by its chunks and closed; both hops of a chain must agree, so we refuse',
  ],
  'haproxy, Content-Length as a list': [
    'POST  (a), GET /end; we: refused',
    'RFC 9110 8.6: equal values may be taken as one, or refused',
  ],
  'haproxy, Content-Length twice, the same': [
    'POST  (a), GET /end; we: refused',
    'RFC 9110 8.6: equal values may be taken as one, or refused',
  ],
  'haproxy, HTTP/1.0 that stays': [
    'GET , refused; we: GET , GET /end',
    'RFC 9112 9.3: keep-alive may be granted to HTTP/1.0, or not',
  ],
  'haproxy, HTTP/1.2': [
    'GET , GET /end; we: refused',
    'RFC 9110 2.5: a higher minor version may be read as the highest known; there is none, so we answer 505',
  ],
  'haproxy, Host twice': ['GET , GET /end; we: refused', 'RFC 9112 3.2: must be answered with 400'],
  'haproxy, Host with user information': [
    'GET , GET /end; we: refused',
    'RFC 9112 3.2: an invalid Host must be answered with 400; others do not look',
  ],
  'haproxy, a bare LF after a chunk size': [
    'POST  (a), GET /end; we: refused',
    'RFC 9112 7.1: CRLF; that a bare LF may be taken (2.2) is said of the start line and fields alone',
  ],
  'haproxy, a bare LF after a chunk': [
    'POST  (a), GET /end; we: refused',
    'RFC 9112 7.1: CRLF; that a bare LF may be taken (2.2) is said of the start line and fields alone',
  ],
  'haproxy, a bare LF after a field': [
    'GET , GET /end; we: refused',
    'RFC 9112 2.2: a bare LF may be taken for a line break, or refused',
  ],
  'haproxy, a chunk size with a space': [
    'POST  (a), GET /end; we: refused',
    'RFC 9112 7.1: no space belongs there; hops that take it differ about what else they take',
  ],
  'haproxy, a folded trailer': ['POST , GET /end; we: refused', 'RFC 9112 5.2: must be refused, or unfolded'],
  'haproxy, a lower-case method': [
    'refused; we: get , GET /end',
    'RFC 9110 9.1: any token is a method; a gateway passes on those that it does not know (behind this HAProxy is Node)',
  ],
  'haproxy, an empty Host': [
    'GET , GET /end; we: refused',
    'RFC 9110 4.2.1: a URI of http has a host, so the empty value of RFC 9112 3.2 cannot be right here',
  ],
  'haproxy, bare LF everywhere': [
    'GET , GET /end; we: refused',
    'RFC 9112 2.2: a bare LF may be taken for a line break, or refused',
  ],
  'haproxy, chunks in HTTP/1.0': [
    'POST , refused; we: refused',
    'RFC 9112 6.1: the framing must be taken as faulty; read or not, the connection must close',
  ],
  'haproxy, no Host': [
    'GET /end; we: refused',
    'RFC 9112 3.2: must be answered with 400, as all do; only we and nginx close after it',
  ],
  'haproxy, obs-fold': ['GET , GET /end; we: refused', 'RFC 9112 5.2: must be refused, or unfolded'],
  'haproxy, two spaces': [
    'GET , GET /end; we: refused',
    'RFC 9112 3: one space; more may be taken, or refused',
  ],
  'nginx, Content-Length in trailers': [
    'POST , GET /end; we: refused',
    'RFC 9110 6.5.1: framing must not be in trailers; ignoring it is allowed, too',
  ],
  'nginx, HTTP/1.2': [
    'GET , GET /end; we: refused',
    'RFC 9110 2.5: a higher minor version may be read as the highest known; there is none, so we answer 505',
  ],
  'nginx, Host with user information': [
    'GET , GET /end; we: refused',
    'RFC 9112 3.2: an invalid Host must be answered with 400; others do not look',
  ],
  'nginx, OPTIONS *': [
    'refused; we: OPTIONS *, GET /end',
    'RFC 9110 9.3.7: allowed, and nginx does not know it',
  ],
  'nginx, a bare LF after a chunk size': [
    'POST  (a), GET /end; we: refused',
    'RFC 9112 7.1: CRLF; that a bare LF may be taken (2.2) is said of the start line and fields alone',
  ],
  'nginx, a bare LF after a chunk': [
    'POST  (a), GET /end; we: refused',
    'RFC 9112 7.1: CRLF; that a bare LF may be taken (2.2) is said of the start line and fields alone',
  ],
  'nginx, a bare LF after a field': [
    'GET , GET /end; we: refused',
    'RFC 9112 2.2: a bare LF may be taken for a line break, or refused',
  ],
  'nginx, a chunk size with a space': [
    'POST  (a), GET /end; we: refused',
    'RFC 9112 7.1: no space belongs there; hops that take it differ about what else they take',
  ],
  'nginx, a control in a value': [
    'GET , GET /end; we: refused',
    'RFC 9110 5.5: invalid; may be kept only where it does no harm',
  ],
  'nginx, a folded trailer': ['POST , GET /end; we: refused', 'RFC 9112 5.2: must be refused, or unfolded'],
  'nginx, a fragment': ['GET #f, GET /end; we: refused', 'RFC 9112 3.2: a target has no fragment'],
  'nginx, a lower-case method': [
    'refused; we: get , GET /end',
    'RFC 9110 9.1: any token is a method; a gateway passes on those that it does not know (behind this HAProxy is Node)',
  ],
  'nginx, absolute form, another host': [
    'GET , GET /end; we: refused',
    'RFC 9112 3.2.2: Host is to be ignored then; a hop that does not know would follow it, so we refuse',
  ],
  'nginx, bare LF everywhere': [
    'GET , GET /end; we: refused',
    'RFC 9112 2.2: a bare LF may be taken for a line break, or refused',
  ],
  'nginx, no colon': ['GET , GET /end; we: refused', 'RFC 9112 5: no field line; nginx drops it'],
  'nginx, non-ASCII in the target': [
    'GET \xe9, GET /end; we: refused',
    'RFC 9112 3.2: a target is made of the characters of a URI',
  ],
  'nginx, two spaces': [
    'GET , GET /end; we: refused',
    'RFC 9112 3: one space; more may be taken, or refused',
  ],
  'node, Host twice': ['GET , GET /end; we: refused', 'RFC 9112 3.2: must be answered with 400'],
  'node, Host with user information': [
    'GET , GET /end; we: refused',
    'RFC 9112 3.2: an invalid Host must be answered with 400; others do not look',
  ],
  'node, Transfer-Encoding: gzip, chunked': [
    'POST , GET /end; we: refused',
    'RFC 9112 6.1: a coding that is not understood is to be answered with 501; Node hands the coded body on',
  ],
  'node, Upgrade: h2c': [
    'GET , refused; we: GET , GET /end',
    'RFC 9110 7.8: a wish that may be ignored; Node takes no more of that connection',
  ],
  'node, a fragment': ['GET #f, GET /end; we: refused', 'RFC 9112 3.2: a target has no fragment'],
  'node, a lower-case method': [
    'refused; we: get , GET /end',
    'RFC 9110 9.1: any token is a method; a gateway passes on those that it does not know (behind this HAProxy is Node)',
  ],
  'node, absolute form, another host': [
    'GET , GET /end; we: refused',
    'RFC 9112 3.2.2: Host is to be ignored then; a hop that does not know would follow it, so we refuse',
  ],
  'node, an empty Host': [
    'GET , GET /end; we: refused',
    'RFC 9110 4.2.1: a URI of http has a host, so the empty value of RFC 9112 3.2 cannot be right here',
  ],
  'node, chunks in HTTP/1.0': [
    'POST , GET /end; we: refused',
    'RFC 9112 6.1: the framing must be taken as faulty; read or not, the connection must close',
  ],
  'node, no Host': [
    'GET /end; we: refused',
    'RFC 9112 3.2: must be answered with 400, as all do; only we and nginx close after it',
  ],
  'node, two spaces': ['GET , GET /end; we: refused', 'RFC 9112 3: one space; more may be taken, or refused'],
};
