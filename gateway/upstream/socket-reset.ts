import type { Socket } from 'node:net';

/**
 * Resets a plain socket. While its FIN is on the way to the kernel, libuv refuses (EINVAL) and Node would keep the
 * socket open for ever, without `close`: then it is done a moment later.
 */
export function resetSocket(socket: Socket): void {
  const ending = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (ending && !socket.destroyed) socket.once('finish', () => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}
