/**
 * What a replica knows of an election that somebody else holds, e.g. by a Kubernetes Lease. `unheard`: whoever holds it
 * cannot be asked, so that the one who was elected last may still be. `not-elected`: another is, or may be.
 */
export type Standing = 'elected' | 'unheard' | 'not-elected';
