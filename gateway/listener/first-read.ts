import type { Socket } from 'node:net';
import type { Timed, TimerWheel } from '../http/timer-wheel.ts';

export interface FirstReader<Found> {
  /** undefined = more bytes are needed. */
  recognize(bytes: Buffer): Found | undefined;
  /** Is given what was read, which the socket does not have any more. */
  found(kind: Found, read: Buffer): void;
  /** The client had not said enough in time; it is disconnected. */
  late(): void;
}

/**
 * Looks at what a client sends first. One that has not said enough after `timeoutMs`, however it spread its bytes, or
 * leaves before, is disconnected.
 */
export function readFirst<Found>(
  socket: Socket,
  timers: TimerWheel,
  timeoutMs: number,
  reader: FirstReader<Found>,
): void {
  let held: Buffer | undefined;
  const giveUp = (): void => {
    timers.remove(deadline);
    socket.destroy();
  };
  const deadline: Timed = {
    onTick: () => {
      reader.late();
      giveUp();
      return 0;
    },
  };
  const look = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    held = held === undefined ? chunk : Buffer.concat([held, chunk]);
    const kind = reader.recognize(held);
    if (kind === undefined) return;
    socket.off('readable', look);
    socket.off('end', giveUp);
    socket.off('close', giveUp);
    timers.remove(deadline);
    reader.found(kind, held);
  };
  timers.schedule(deadline, timeoutMs);
  socket.once('end', giveUp);
  socket.once('close', giveUp);
  socket.on('readable', look);
}
