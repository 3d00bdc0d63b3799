import { z } from 'zod';

/** Largest message either way, bytes: a certificate request, or a chain and a bundle. */
export const MAX_ENROLMENT_BYTES = 64 * 1024;

const address = z.string().min(1).max(300);
const pem = z.string().max(32_768);

/** What a joining cluster sends over `isthmus-enrol/1`, as JSON. */
export const enrolmentRequest = z.strictObject({
  version: z.literal(1),
  clusterset: z.string().max(255),
  cluster: z.string().max(63),
  inviteId: z.string().max(64),
  secret: z.string().max(64),
  /** PKCS#10, DER in base64, for the intermediate. */
  csr: z.base64().max(20_000),
  /** Where the joining cluster's gateways will be. */
  gateways: z.array(address).min(1).max(32),
});

export type EnrolmentRequest = z.infer<typeof enrolmentRequest>;

export const REFUSALS = {
  malformed: 'the request was not understood',
  'other-clusterset': 'the token is for another clusterset',
  unknown: 'this cluster did not make that token',
  used: 'the token was used already',
  expired: 'the token has expired',
  'other-cluster': 'the token is for a cluster of another name',
  'not-trust-home': 'this cluster does not hold the root, so it cannot let others join',
  'bad-request': 'the certificate request is for something else, or not signed by its key',
  busy: 'too many joins at once',
  failed: 'the inviting cluster could not do it; its log says why',
} as const;

export type RefusalReason = keyof typeof REFUSALS;

/** What the inviting cluster answers. */
export const enrolmentResponse = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('accepted'),
    intermediatePem: pem,
    rootPem: pem,
    invitedBy: z.strictObject({ cluster: z.string().max(63), trustDomain: z.string().max(255) }),
  }),
  z.strictObject({
    kind: z.literal('refused'),
    reason: z.enum(Object.keys(REFUSALS) as [RefusalReason, ...RefusalReason[]]),
  }),
]);

export type EnrolmentResponse = z.infer<typeof enrolmentResponse>;

export function encodeMessage(message: EnrolmentRequest | EnrolmentResponse): Uint8Array {
  return Buffer.from(JSON.stringify(message));
}

/** @returns undefined for what is too large, not JSON, or not of the schema. */
export function decodeMessage<T>(bytes: Uint8Array, schema: z.ZodType<T>): T | undefined {
  if (bytes.length > MAX_ENROLMENT_BYTES) return undefined;
  try {
    const result = schema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    return result.success ? result.data : undefined;
  } catch (failure) {
    if (failure instanceof SyntaxError) return undefined;
    throw failure;
  }
}
