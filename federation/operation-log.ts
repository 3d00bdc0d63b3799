import { destination, type Logger, pino } from 'pino';

/** What a process tells its operator: JSON lines on stderr, written at once so that a crash loses none. */
export function createOperationLog(base: Readonly<Record<string, string>>): Logger {
  return pino(
    {
      base,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    destination({ dest: 2, sync: true }),
  );
}
