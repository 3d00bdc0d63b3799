import type { Socket } from 'node:net';

/**
 * Resets a plain socket. While its FIN is on the way to the kernel, libuv refuses (EINVAL) and Node would keep the
 * socket open for ever, without `close`, and spin when the process wants to exit: then it is done a moment later. Not
 * for a socket beneath TLS: it does not show that the TLS has sent the FIN.
 */
export function resetSocket(socket: Socket): void {
  const ending = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (ending && !socket.destroyed) socket.once('finish', () => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}
