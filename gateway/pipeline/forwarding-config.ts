import { z } from 'zod';

/**
 * What becomes of fields that name earlier hops. `keep`: they pass as they came. `remove`: nobody's pass. `replace`: a
 * client's are dropped and ours take their place. `append`: a client's are believed, and ours come after them.
 */
const hopFields = z.enum(['keep', 'remove', 'replace', 'append']);

/** Fields that tell a pod where a request came from: `forwarding` in gateway.yaml. */
export const forwardingConfig = z
  .strictObject({
    /** `Via` (RFC 9110 section 7.6.3), added by every gateway on the way, to requests alone. */
    via: z.boolean().default(false),
    /** `Forwarded` (RFC 7239). */
    forwarded: hopFields.default('remove'),
    /**
     * `x-forwarded-for`, `-proto` and `-host`. Whatever else begins with `x-forwarded-` passes with `keep` and `append`
     * alone; `x-real-ip` and `x-forwarded-port`, which have room for one value, with `keep` alone.
     */
    xForwarded: hopFields.default('replace'),
    /** `generate` gives a request without `x-request-id` one; one that is there stays. */
    requestId: z.enum(['keep', 'generate']).default('keep'),
  })
  .prefault({});

export type ForwardingConfig = Readonly<z.infer<typeof forwardingConfig>>;

/** Every request as it came. */
export const NO_FORWARDING: ForwardingConfig = {
  via: false,
  forwarded: 'keep',
  xForwarded: 'keep',
  requestId: 'keep',
};
