const TOKEN =
  'eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IjIwMjYtMTEifQ.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUiLCJzdWIiOiI4' +
  'ZjE0ZTQ1ZiIsImF1ZCI6InBheW1lbnRzIiwic2NvcGUiOiJwYXltZW50cy5yZWFkIHBheW1lbnRzLndyaXRlIiwiZXhwIjoxODk2MTM0NDAwfQ.b2' +
  'ZmZXJzLW5vLXByb29mLW9mLWFueXRoaW5nLWl0LWlzLW9ubHktYXMtbG9uZy1hcy1hLXJlYWwtb25lLWFuZC1hcy1yYW5kb20';

/** The 40 fields of a browser's request that has passed a front proxy, a tracer and a login. */
export const REALISTIC_HEADERS: readonly (readonly [name: string, value: string])[] = [
  ['accept', 'application/json, text/plain, */*'],
  ['accept-encoding', 'gzip, deflate, br, zstd'],
  ['accept-language', 'en-GB,en;q=0.9,de-DE;q=0.8,de;q=0.7'],
  ['authorization', `Bearer ${TOKEN}`],
  ['baggage', 'tenant=acme,session=8f14e45fceea167a,region=eu-central-1'],
  ['b3', '80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90'],
  ['cache-control', 'no-cache'],
  ['content-language', 'en-GB'],
  [
    'cookie',
    'session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; consent=analytics%2Cfunctional; locale=en',
  ],
  ['dnt', '1'],
  ['if-none-match', 'W/"33a64df551425fcc55e4d42a148795d9f25f89d4"'],
  ['origin', 'https://shop.example'],
  ['pragma', 'no-cache'],
  ['priority', 'u=1, i'],
  ['referer', 'https://shop.example/basket/checkout?step=payment&variant=b'],
  ['sec-ch-ua', '"Chromium";v="142", "Not=A?Brand";v="24", "Google Chrome";v="142"'],
  ['sec-ch-ua-arch', '"x86"'],
  ['sec-ch-ua-mobile', '?0'],
  ['sec-ch-ua-platform', '"Linux"'],
  ['sec-ch-ua-platform-version', '"6.18.0"'],
  ['sec-fetch-dest', 'empty'],
  ['sec-fetch-mode', 'cors'],
  ['sec-fetch-site', 'same-origin'],
  ['sec-gpc', '1'],
  ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
  ['tracestate', 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7'],
  [
    'user-agent',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36',
  ],
  ['x-amzn-trace-id', 'Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1'],
  ['x-api-version', '2026-11-01'],
  ['x-app-build', '14.2.0-3381'],
  ['x-client-region', 'DE'],
  ['x-correlation-id', '3f2504e0-4f89-11d3-9a0c-0305e82c3301'],
  ['x-csrf-token', 'Zk3v9mJ0q1sT7uXw2yB4dF6hK8nP0rSt'],
  ['x-device-id', '6fa459ea-ee8a-3ca4-894e-db77e160355e'],
  ['x-experiment', 'checkout-b,search-a,price-control'],
  ['x-feature-flags', 'instant-refund,split-payment'],
  ['x-idempotency-key', '550e8400-e29b-41d4-a716-446655440000'],
  ['x-real-ip', '203.0.113.77'],
  ['x-requested-with', 'XMLHttpRequest'],
  ['x-tenant', 'acme'],
];
