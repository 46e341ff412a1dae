/** What is logged of an error. */
export interface LoggableError {
  type: string
  code?: string | number
  message: string
  stack?: string
  cause?: LoggableError
}

/**
 * The parts of an error that are meant to be read. Others are left out, because libraries hang on them what they were given:
 * a Redis client the command that failed, `AUTH` with its password among them, `new URL` the whole text, Postgres the row.
 */
export function loggable(error: unknown): LoggableError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) }
  const { name, code, message, stack, cause } = error as NodeJS.ErrnoException & { cause?: unknown }
  return {
    type: name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    message,
    ...(stack === undefined ? {} : { stack }),
    ...(cause === undefined ? {} : { cause: loggable(cause) }),
  }
}
