const FOREIGN_ROOT = "its certificate does not come from the expected clusterset's root";
const WRONG_TIME = 'its certificate is not valid at this time: are both clocks right?';

/** What error codes of Node's and OpenSSL's mean to whoever dials a gateway. */
const MEANINGS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'nothing listens there'],
  ['ECONNRESET', 'it closed the connection in the handshake'],
  ['ENOTFOUND', 'its name is not known'],
  ['EAI_AGAIN', 'its name cannot be looked up now'],
  ['ETIMEDOUT', 'it did not answer in time'],
  ['EHOSTUNREACH', 'there is no way to it'],
  ['ENETUNREACH', 'there is no way to it'],
  ['SELF_SIGNED_CERT_IN_CHAIN', FOREIGN_ROOT],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', FOREIGN_ROOT],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', FOREIGN_ROOT],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', FOREIGN_ROOT],
  ['CERT_SIGNATURE_FAILURE', FOREIGN_ROOT],
  ['CERT_NOT_YET_VALID', WRONG_TIME],
  ['CERT_HAS_EXPIRED', WRONG_TIME],
]);

/** Why a gateway could not be reached, for a person: OpenSSL's own words are for nobody. */
export function dialFailure(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure);
  const code = 'code' in failure ? String(failure.code) : undefined;
  if (code === undefined) return failure.message;
  const meaning = code.startsWith('ERR_SSL_') ? 'what answers there is no gateway' : MEANINGS.get(code);
  return meaning === undefined ? failure.message : `${meaning} (${code})`;
}
