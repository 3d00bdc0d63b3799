/**
 * The service that is loaded, in a pod: answers every request with the cluster and the pod where it runs. Only what Node
 * itself has may be imported: the file is all that the pod gets.
 */
import { createServer } from 'node:http';

const answer = `${process.env.CLUSTER} ${process.env.HOSTNAME}\n`;
const server = createServer((request, response) => {
  request.resume();
  response.setHeader('content-type', 'text/plain');
  response.end(answer);
});
server.listen(8080);
// The first process of a container ends by a signal only if it says so.
process.on('SIGTERM', () => server.close(() => process.exit(0)));
