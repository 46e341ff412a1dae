/** The loggable parts of an error. */
export interface LoggableError {
  type: string
  code?: string | number
  message: string
  stack?: string
  cause?: LoggableError
}

/**
 * Returns the readable parts of an error. Other properties are left out because libraries attach their input to errors:
 * a Redis client the failed command (such as `AUTH` with its password), `new URL` the whole text, Postgres the row.
 */
export function loggable(error: unknown): LoggableError {
  if (!(error instanceof Error)) return { type: typeof error, message: asText(error) }
  const { name, code, message, stack, cause } = error as NodeJS.ErrnoException & { cause?: unknown }
  return {
    type: name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    message,
    ...(stack === undefined ? {} : { stack }),
    ...(cause === undefined ? {} : { cause: loggable(cause) }),
  }
}

/** Returns the text of any thrown value, even of one without text. */
export function asText(thrown: unknown): string {
  try {
    return String(thrown)
  } catch {
    return 'an error without text'
  }
}
