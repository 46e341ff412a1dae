import { AppError, type CommandFailureCode } from '../domain/errors.js'

/** SQLSTATEs that the functions of `migrations/` raise, and the code each becomes. Their messages are made for people. */
const RAISED: Record<string, CommandFailureCode> = {
  UC001: 'FILTER_INVALID',
  UC002: 'NOT_EMBEDDED',
  UC003: 'NOT_FOUND',
  UC004: 'MODEL_INVALID',
  UC005: 'USAGE',
  UC006: 'PROMPT_NOT_EMBEDDED',
  UC007: 'DATABASE_BUSY',
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
const SILENCE = 'Query read timeout'
const DRIVER_MESSAGES = new RegExp(
  `Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection|^SASL: |${SILENCE}`,
)

const QUERY_CANCELED = '57014'

/** SQLSTATEs of which Postgres says: try the transaction again (serialization failure, deadlock). */
const TRY_AGAIN = new Set(['40001', '40P01'])

/** Codes that OpenSSL and Node give to a certificate that is not to be trusted, and to a handshake that fails. */
const TLS_CODES =
  /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|HOSTNAME_MISMATCH$|EPROTO$)/
const NO_TLS = 'The server does not support SSL connections'

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}

export function isConnectionError(error: unknown): boolean {
  const code = codeOf(error)
  if (isUnreadableFile(error)) return false
  return (
    SOCKET_ERRORS.has(code) ||
    CONNECTION_STATES.test(code) ||
    (code === '' && error instanceof Error && DRIVER_MESSAGES.test(error.message)) ||
    (error instanceof AggregateError && error.errors.some(isConnectionError))
  )
}

/** Whether a statement got no answer at all: its connection is of no use any more. */
export function isSilence(error: unknown): boolean {
  return error instanceof Error && error.message === SILENCE
}

export function isTransactionConflict(error: unknown): boolean {
  return TRY_AGAIN.has(codeOf(error))
}

/** SQLSTATE insufficient_privilege. */
export function isForbidden(error: unknown): boolean {
  return codeOf(error) === '42501'
}

/** The project's error for an error of the driver; what it does not know is given back as it is. */
export function translate(error: unknown, location: string): unknown {
  if (error instanceof AppError) return error
  const raised = RAISED[codeOf(error)]
  if (raised !== undefined) return new AppError(raised, (error as Error).message, { cause: error })
  if (isForbidden(error))
    return new AppError(
      'DATABASE_FORBIDDEN',
      `The user of DATABASE_URL may not do this: ${reason(error)}. infra/sql/roles.sql says who may do what; run it again after a migration.`,
      { cause: error },
    )
  const tls = explainTls(error)
  if (tls !== null)
    return new AppError(
      'DATABASE_UNREACHABLE',
      `The database at ${location} cannot be reached over TLS: ${reason(error)}. ${tls}`,
      { cause: error },
    )
  if (isUnreadableFile(error))
    return new AppError(
      'CONFIG_INVALID',
      `DATABASE_URL: expected files that can be read as sslrootcert, sslcert and sslkey; found ${reason(error)}`,
      { cause: error },
    )
  if (codeOf(error) === QUERY_CANCELED)
    return new AppError(
      'DATABASE_TIMEOUT',
      `The database at ${location} gave a statement up: ${reason(error)}. If it needs more time, raise DATABASE_STATEMENT_TIMEOUT_MS; 0 is no limit.`,
      { cause: error },
    )
  if (isConnectionError(error))
    return new AppError(
      'DATABASE_UNREACHABLE',
      `The database at ${location} cannot be reached: ${reason(error)}. Check that it runs and that DATABASE_URL is right.`,
      { cause: error },
    )
  return error
}

/** What to do about TLS that failed; null when it did not. */
function explainTls(error: unknown): string | null {
  if (error instanceof Error && error.message.startsWith(NO_TLS))
    return 'Turn TLS on there (ssl = on), or leave sslmode out of DATABASE_URL.'
  const code = codeOf(error)
  if (!TLS_CODES.test(code)) return null
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'Use a name in DATABASE_URL that its certificate is made out to.'
  return 'Name the certificate of its authority in DATABASE_URL: sslmode=verify-full&sslrootcert=FILE.'
}

/** A certificate or key of the connection string. A socket that is missing is no file that was opened. */
function isUnreadableFile(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).syscall === 'open'
}

function reason(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reason).join('; ')
  return error instanceof Error ? error.message : String(error)
}
