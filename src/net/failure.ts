import { PhotoError } from '../domain/errors.js'

/** How far a request had come when it failed. */
export interface Progress {
  host: string
  /** Announced length in bytes, once the headers are here and name one. */
  contentLength?: number | undefined
}

const DNS_CODES = /^(ENOTFOUND|ENODATA|ESERVFAIL|EAI_[A-Z]+)$/
/** Undici's words for a connection that was closed in an orderly way, but too early. */
const CLOSED_EARLY = new Set(['UND_ERR_SOCKET', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'])
const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'])

/** What an error of sockets, DNS, HTTP or decompression means for the photo. */
export function transportFailure(error: unknown, { host, contentLength }: Progress): PhotoError {
  if (error instanceof PhotoError) return error
  const code = codeOf(error)
  const cause = { cause: error }
  if (DNS_CODES.test(code)) return new PhotoError('DNS_FAILED', `${host}: ${code}`, cause)
  if (TIMEOUTS.has(code)) return new PhotoError('TIMEOUT', `${host}: ${code}`, cause)
  if (code === 'Z_BUF_ERROR') return new PhotoError('TRUNCATED_BODY', `${host}: the compressed body ends early`, cause)
  if (/^(Z_|ERR_BROTLI|ERR__ERROR|BROTLI)/.test(code))
    return new PhotoError('DECODE_FAILED', `${host}: the body is not what Content-Encoding says`, cause)
  if (contentLength !== undefined && CLOSED_EARLY.has(code))
    return new PhotoError('TRUNCATED_BODY', `${host}: the body ended before its ${contentLength} bytes`, cause)
  return new PhotoError('CONNECTION_FAILED', `${host}: ${code || messageOf(error)}`, cause)
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
