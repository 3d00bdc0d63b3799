import { before, describe } from 'node:test';
import { accessSteps } from './journey/access-steps.ts';
import { canarySteps } from './journey/canary-steps.ts';
import { commandSteps, leavingByCommand, storeStep } from './journey/command-steps.ts';
import { controlPlaneSteps } from './journey/control-plane-steps.ts';
import { drainSteps } from './journey/drain-steps.ts';
import { headlessSteps } from './journey/headless-steps.ts';
import { lossSteps } from './journey/loss-steps.ts';
import { joiningSteps, uninstallSteps } from './journey/membership-steps.ts';
import { namingSteps, sharedServiceSteps } from './journey/naming-steps.ts';
import { policySteps } from './journey/policy-steps.ts';
import { JourneyScene } from './journey/scene.ts';
import { steps } from './kube-suite.ts';
import { missingNodes } from './requirement.ts';

/**
 * From nothing to requests that cross clusters and survive what happens to clusters, and back to nothing: the real image
 * and chart on two real clusters, each step as the documentation says it. One suite, for a clusterset costs a minute.
 */
describe('the journey', { skip: missingNodes() }, () => {
  const scene = new JourneyScene();
  const suite = steps(() => scene.clusters);
  before(() => scene.begin(suite));

  joiningSteps(scene);
  commandSteps(scene);
  storeStep(scene);
  namingSteps(scene);
  canarySteps(scene);
  sharedServiceSteps(scene);
  headlessSteps(scene);
  accessSteps(scene);
  policySteps(scene);
  drainSteps(scene);
  lossSteps(scene);
  controlPlaneSteps(scene);
  leavingByCommand(scene);
  uninstallSteps(scene);
});
