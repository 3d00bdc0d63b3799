import type { Socket } from 'node:net';
import { type FirstBytes, recognize } from './first-bytes.ts';

/**
 * Looks at what a client sends first. `found` is given what was read, which the socket does not have any more. A client
 * that stays silent for `timeoutMs`, or leaves before it has said enough, is disconnected.
 */
export function readFirst(
  socket: Socket,
  timeoutMs: number,
  found: (kind: FirstBytes, read: Buffer) => void,
): void {
  let held: Buffer | undefined;
  const giveUp = (): void => {
    socket.destroy();
  };
  const look = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    held = held === undefined ? chunk : Buffer.concat([held, chunk]);
    const kind = recognize(held);
    if (kind === undefined) return;
    socket.off('readable', look);
    socket.off('end', giveUp);
    socket.off('timeout', giveUp);
    socket.setTimeout(0);
    found(kind, held);
  };
  socket.on('timeout', giveUp);
  socket.setTimeout(timeoutMs);
  socket.once('end', giveUp);
  socket.on('readable', look);
}
