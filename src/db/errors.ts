import { AppError, type CommandFailureCode } from '../domain/errors.js'

/** SQLSTATEs that the functions of `migrations/` raise, and the code each becomes. Their messages are made for people. */
const RAISED: Record<string, CommandFailureCode> = {
  UC001: 'FILTER_INVALID',
  UC002: 'NOT_EMBEDDED',
  UC003: 'NOT_FOUND',
  UC004: 'MODEL_INVALID',
  UC005: 'USAGE',
}

/** Errors of the socket or of the driver, and classes of SQLSTATE, that mean: there is no usable connection. */
const SOCKET_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
  'EACCES',
])
const CONNECTION_STATES = /^(08...|28...|3D000|53300|57P0[1-5])$/
const DRIVER_MESSAGES =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection/

/** SQLSTATEs of which Postgres says: try the transaction again (serialization failure, deadlock). */
const TRY_AGAIN = new Set(['40001', '40P01'])

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}

export function isConnectionError(error: unknown): boolean {
  const code = codeOf(error)
  return (
    SOCKET_ERRORS.has(code) ||
    CONNECTION_STATES.test(code) ||
    (code === '' && error instanceof Error && DRIVER_MESSAGES.test(error.message)) ||
    (error instanceof AggregateError && error.errors.some(isConnectionError))
  )
}

export function isTransactionConflict(error: unknown): boolean {
  return TRY_AGAIN.has(codeOf(error))
}

/** The project's error for an error of the driver; what it does not know is given back as it is. */
export function translate(error: unknown, location: string): unknown {
  if (error instanceof AppError) return error
  const raised = RAISED[codeOf(error)]
  if (raised !== undefined) return new AppError(raised, (error as Error).message, { cause: error })
  if (isConnectionError(error))
    return new AppError(
      'DATABASE_UNREACHABLE',
      `The database at ${location} cannot be reached: ${reason(error)}. Check that it runs and that DATABASE_URL is right.`,
      { cause: error },
    )
  return error
}

function reason(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reason).join('; ')
  return error instanceof Error ? error.message : String(error)
}
