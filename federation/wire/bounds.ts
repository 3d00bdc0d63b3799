import { POLICY_BOUNDS } from '../model/policy.ts';

/** How large what comes over the wire may be: far above what 500 clusters need, far below what would hurt. */
export const BOUNDS = {
  peers: 1000,
  gatewaysPerPeer: 100,
  services: 50_000,
  portsPerService: 100,
  offersPerService: 1001,
  localitiesPerOffer: 200,
  endpointsPerService: 20_000,
  hostsPerLocality: 1_000_000,
  weight: 1_000_000,
  trustDomains: 1001,
  rootsPerTrustDomain: 16,
  rootBytes: 16_384,
  localityLength: 253,
  appProtocolLength: 253,
  policyJsonLength: POLICY_BOUNDS.jsonLength,
  rulesPerService: POLICY_BOUNDS.rulesPerService,
  entriesPerRule: 1000,
  tiersPerPolicy: 32,
  stepsPerFailback: 100,
  endpointWeight: 1000,
  callerGroups: 500_000,
  callersPerGroup: 65_536,
  callerKeyLength: 512,
  choiceCount: 64,
  exponent: 100,
  reportedEndpoints: 500_000,
  gatewayNameLength: 253,
  reasonLength: 2000,
  /** One gRPC message: a full snapshot of 10,000 services with 25 endpoints each is about 20 MB. */
  messageBytes: 128 * 1024 * 1024,
  /** One message from a gateway. */
  gatewayMessageBytes: 32 * 1024 * 1024,
} as const;
