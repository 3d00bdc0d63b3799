/** Why a socket broke, in words for a person: of OpenSSL's errors those of the reason, without the place in its source. */
export function socketErrorText(error: Error): string {
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : error.message;
}
