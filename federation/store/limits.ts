/** What one cluster may put into the store. More is refused by readers, so writers never try. */

/** A signed head with its certificate chain. */
export const MAX_HEAD_BYTES = 16 * 1024;
export const MAX_RECORD_BYTES = 32 * 1024;
/** `namespace/name`, both RFC 1123 labels. */
export const MAX_FIELD_BYTES = 127;
export const MAX_RECORDS = 50_000;
/** All records of one cluster together. */
export const MAX_SET_BYTES = 48 * 1024 * 1024;
export const MAX_DOCUMENT_BYTES = 256 * 1024;
/** Clusters that a reader follows; names beyond this in `members` are not looked at. */
export const MAX_MEMBERS = 1000;
/** A cluster's name, an RFC 1123 label; longer ones in `members` are not read. */
export const MAX_MEMBER_BYTES = 63;
/** Names that are read from `members` at once, where it has more. */
export const MEMBERS_READ_COUNT = 2 * MAX_MEMBERS;

/** One write: its changes and their bytes. */
export const MAX_BATCH_CHANGES = 500;
export const MAX_BATCH_BYTES = 1024 * 1024;
/** Entries of one cluster's log in one read. */
export const LOG_READ_COUNT = 500;
/** About how many entries a log keeps: half a minute of 325 changes a second. */
export const LOG_KEEP_COUNT = 10_000;

/** Epochs and issue times this far ahead of the reader's clock are refused. */
export const MAX_AHEAD_MS = 300_000;

export class StoreLimitError extends Error {
  override readonly name = 'StoreLimitError';
}
