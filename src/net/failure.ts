import { PhotoError } from '../domain/errors.js'
import { errorCode, errorMessage } from '../domain/text/error-text.js'

/** Progress of a request at its failure. */
export interface Progress {
  host: string
  /** Content-Length in bytes, once the headers have arrived with one. */
  contentLength?: number | undefined
  /** Bytes of the body that have arrived. */
  received?: number
}

const DNS_CODES = /^(ENOTFOUND|ENODATA|ESERVFAIL|EAI_[A-Z]+)$/
/** The connection ended before the body did. Node 24 tells a reset from an orderly close, earlier versions do not. */
const CLOSED_EARLY = new Set(['UND_ERR_SOCKET', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'ECONNRESET'])
const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'])

/** Translates an error of sockets, DNS, HTTP or decompression to a photo error. */
export function transportFailure(error: unknown, { host, contentLength, received = 0 }: Progress): PhotoError {
  if (error instanceof PhotoError) return error
  const code = errorCode(error)
  const cause = { cause: error }
  if (DNS_CODES.test(code)) return new PhotoError('DNS_FAILED', `${host}: ${code}`, cause)
  if (TIMEOUTS.has(code)) return new PhotoError('TIMEOUT', `${host}: ${code}`, cause)
  if (/^(Z_|ERR_BROTLI|ERR__ERROR|BROTLI)/.test(code))
    return new PhotoError('DECODE_FAILED', `${host}: the body does not match its Content-Encoding`, cause)
  if (contentLength !== undefined && CLOSED_EARLY.has(code))
    return new PhotoError('TRUNCATED_BODY', `${host}: expected ${contentLength} bytes, found ${received}`, cause)
  return new PhotoError('CONNECTION_FAILED', `${host}: ${code || errorMessage(error)}`, cause)
}
