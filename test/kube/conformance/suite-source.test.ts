import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { thirdPartyModules } from '../../../clusters/crds/third-party.ts';
import { suiteVersion } from './suite-source.ts';

describe("Gateway API's suite", () => {
  it('is of the version whose kinds the chart has', () => {
    const gatewayApi = thirdPartyModules().find(({ module }) => module === 'sigs.k8s.io/gateway-api');
    assert.equal(suiteVersion(), gatewayApi?.version);
  });
});
