/**
 * What came of one retry: an answer that is not retried, a failure, the request's end meanwhile; or that there was none,
 * for the budget.
 */
export type RetryResult = 'success' | 'failure' | 'abandoned' | 'budget-exhausted';
