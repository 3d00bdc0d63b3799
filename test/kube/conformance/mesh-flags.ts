export interface MeshFlags {
  /** Folder of the suite's module. */
  readonly manifests: string;
  /** Of Isthmus. */
  readonly version: string;
  /** Path of the file that the report goes to; undefined = no report. */
  readonly report?: string;
  /** The one test to run; undefined = all. */
  readonly test?: string;
  /** For a report that is handed in: where the project is, and who answers for it. */
  readonly url?: string;
  readonly contact?: string;
}

/** All that the suite has for a mesh beside the core of its profiles. */
const FEATURES = [
  'GRPCRoute',
  'HTTPRoute',
  'HTTPRoute303RedirectStatusCode',
  'HTTPRoute307RedirectStatusCode',
  'HTTPRoute308RedirectStatusCode',
  'HTTPRouteParentRefPort',
  'HTTPRouteResponseHeaderModification',
  'Mesh',
  'MeshClusterIPMatching',
  'MeshConsumerRoute',
  'MeshHTTPRouteBackendRequestHeaderModification',
  'MeshHTTPRouteNamedRouteRule',
  'MeshHTTPRouteQueryParamMatching',
  'MeshHTTPRouteRedirectPath',
  'MeshHTTPRouteRedirectPort',
  'MeshHTTPRouteRewritePath',
  'MeshHTTPRouteSchemeRedirect',
];
const TEST_TIMEOUT = '45m';

/** What the test program is called with: the flags of Go, of the suite, and where its manifests are. */
export function meshFlags({ manifests, version, report, test, url, contact }: MeshFlags): readonly string[] {
  const optional = { 'report-output': report, 'run-test': test, url, contact };
  return [
    '-test.v',
    `-test.timeout=${TEST_TIMEOUT}`,
    `-manifests=${manifests}`,
    '-conformance-profiles=MESH-HTTP,MESH-GRPC',
    `-supported-features=${FEATURES.join(',')}`,
    '-organization=isthmus',
    '-project=isthmus',
    `-version=${version}`,
    ...Object.entries(optional).flatMap(([name, value]) =>
      value === undefined ? [] : [`-${name}=${value}`],
    ),
  ];
}
