import { noNodesHere } from './requirement.ts';

// For .ci/run: empty where nodes can run, else why not.
process.stdout.write(noNodesHere() || '');
