import { request } from 'node:http';
import { connect } from 'node:net';

/** Whether somebody listens there. */
export function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Whether an admin endpoint says that its process is ready. */
export function ready(host: string, adminPort: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ host, port: adminPort, path: '/readyz' }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
    });
    asked.on('error', () => resolve(false));
    asked.end();
  });
}
