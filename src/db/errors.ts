import { AppError, type CommandFailureCode } from '../domain/errors.js'
import { errorCode, errorMessage } from '../domain/text/error-text.js'
import { CONDITIONS, conditionOf } from './sql-states.js'

/** SQLSTATEs that the functions in `migrations/` raise, with the code of each. Their messages are written for users. */
const RAISED: Record<string, CommandFailureCode> = {
  UC001: 'FILTER_INVALID',
  UC002: 'NOT_EMBEDDED',
  UC003: 'NOT_FOUND',
  UC004: 'MODEL_INVALID',
  UC005: 'USAGE',
  UC006: 'PROMPT_NOT_EMBEDDED',
  UC007: 'DATABASE_BUSY',
  UC008: 'REFERENCES_MISSING',
  UC009: 'CUT_OFF_MISSING',
}

/** Errors of the socket or the driver that mean a lost or missing connection. */
const SOCKET_ERRORS = new Set([
  'EMFILE',
  'ENFILE',
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
const SILENCE = 'Query read timeout'
const DRIVER_MESSAGES = new RegExp(
  `Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection|^SASL: |${SILENCE}`,
)

/** SQLSTATEs after which Postgres recommends a retry of the transaction (serialization failure, deadlock). */
const TRY_AGAIN = new Set(['40001', '40P01'])

/** Codes of OpenSSL and Node for untrusted certificates and failed handshakes. */
const TLS_CODES =
  /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|HOSTNAME_MISMATCH$|EPROTO$)/
const NO_TLS = 'The server does not support SSL connections'

export function isConnectionError(error: unknown): boolean {
  const code = errorCode(error)
  if (isUnreadableFile(error)) return false
  return (
    SOCKET_ERRORS.has(code) ||
    conditionOf(error)?.kind === 'unreachable' ||
    (code === '' && error instanceof Error && DRIVER_MESSAGES.test(error.message)) ||
    (error instanceof AggregateError && error.errors.some(isConnectionError))
  )
}

/** Returns whether the server answers but cannot work: read-only, disk full, out of memory, I/O error. */
export function isUnavailable(error: unknown): boolean {
  return conditionOf(error)?.kind === 'unavailable'
}

/** Returns whether the error says nothing about the statement: the same one succeeds on a server that is well. */
export function isOutage(error: unknown): boolean {
  return isConnectionError(error) || isUnavailable(error)
}

/** SQLSTATE of an error of the driver, also of one that was translated. */
export function sqlStateOf(error: unknown): string {
  return errorCode(error instanceof AppError ? error.cause : error)
}

/** Returns whether a statement got no response at all. Its connection is then useless. */
export function isSilence(error: unknown): boolean {
  return error instanceof Error && error.message === SILENCE
}

export function isTransactionConflict(error: unknown): boolean {
  return TRY_AGAIN.has(errorCode(error))
}

/**
 * Returns whether Postgres refuses the values of a statement: data exception, integrity constraint violation, program
 * limit exceeded (the size of an index entry, for instance).
 */
export function isRefusedValue(error: unknown): boolean {
  return /^(22|23|54)...$/.test(sqlStateOf(error))
}

/** Returns whether the error is SQLSTATE insufficient_privilege. */
export function isForbidden(error: unknown): boolean {
  return errorCode(error) === '42501' && !isUnavailable(error)
}

/** Translates an error of the driver to an AppError. Returns unknown errors unchanged. */
export function translate(error: unknown, location: string): unknown {
  if (error instanceof AppError) return error
  const raised = RAISED[errorCode(error)]
  if (raised !== undefined) return new AppError(raised, (error as Error).message, { cause: error })
  if (isForbidden(error))
    return new AppError(
      'DATABASE_FORBIDDEN',
      `The user of DATABASE_URL may not do this: ${errorMessage(error)}. infra/sql/roles.sql grants the rights of each role; run it again after a migration.`,
      { cause: error },
    )
  const tls = explainTls(error)
  if (tls !== null)
    return new AppError(
      'DATABASE_UNREACHABLE',
      `The database at ${location} cannot be reached over TLS: ${errorMessage(error)}. ${tls}`,
      { cause: error },
    )
  if (isUnreadableFile(error))
    return new AppError(
      'CONFIG_INVALID',
      `DATABASE_URL: expected readable files as sslrootcert, sslcert and sslkey; found ${errorMessage(error)}`,
      { cause: error },
    )
  const condition = conditionOf(error)
  if (condition !== null) {
    const { code, verb } = CONDITIONS[condition.kind]
    return new AppError(code, `The database at ${location} ${verb}: ${condition.found}. ${condition.advice}`, {
      cause: error,
    })
  }
  if (isConnectionError(error))
    return new AppError(
      'DATABASE_UNREACHABLE',
      `The database at ${location} cannot be reached: ${errorMessage(error)}. Check that it runs and that DATABASE_URL is right.`,
      { cause: error },
    )
  return error
}

/** Explains what to do about a TLS failure; null for other errors. */
function explainTls(error: unknown): string | null {
  if (error instanceof Error && error.message.startsWith(NO_TLS))
    return 'Turn TLS on there (ssl = on), or leave sslmode out of DATABASE_URL.'
  const code = errorCode(error)
  if (!TLS_CODES.test(code)) return null
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'Use a host name in DATABASE_URL that its certificate contains.'
  return 'Name the certificate of its authority in DATABASE_URL: sslmode=verify-full&sslrootcert=FILE.'
}

/** Returns whether a certificate or key of the connection string is unreadable. A missing socket is no opened file. */
function isUnreadableFile(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).syscall === 'open'
}
