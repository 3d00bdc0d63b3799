import { destination, type Logger, pino } from 'pino';

export type OperationLog = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** What the gateway tells its operator: JSON lines on stderr, written at once so that a crash loses none. */
export function createOperationLog(process: string): OperationLog {
  return pino(
    {
      base: { process },
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    destination({ dest: 2, sync: true }),
  );
}
