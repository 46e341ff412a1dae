import type { FastifyError } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import {
  AppError,
  type CommandFailureCode,
  DATABASE_OUTAGES,
  HostPausedError,
  PhotoError,
  REQUEST_FAILURES,
  RequestError,
  type RequestFindings,
} from '../domain/errors.js'
import { redact } from '../domain/text/redact.js'
import type { Problem } from './schemas/problem.js'

/** Page that explains every code. */
const ERRORS_PAGE = 'https://github.com/unsplash-clip/unsplash-clip/blob/main/docs/reference/errors.md'
const RETRY_SECONDS = 5
const LONGEST_FOUND = 200

/**
 * Statuses of the failures of use cases; all others are 500: the client can do nothing. What fits the schema of a request and
 * cannot be met is 422.
 */
const STATUS: Partial<Record<CommandFailureCode, number>> = {
  USAGE: 422,
  FILTER_INVALID: 422,
  INPUT_INVALID: 422,
  MODEL_WITHOUT_TEXT: 422,
  MODEL_UNKNOWN: 404,
  NOT_FOUND: 404,
  NOT_EMBEDDED: 409,
  PROMPT_NOT_EMBEDDED: 409,
  REFERENCES_MISSING: 409,
  CUT_OFF_MISSING: 409,
  RUN_CANCELLED: 409,
  QUEUE_UNREACHABLE: 503,
  QUEUE_FULL: 503,
  STORE_UNREACHABLE: 503,
  MODEL_DOWNLOAD_FAILED: 503,
  INTERRUPTED: 503,
}

/** Problems of reading a request, by Fastify's code. */
const OF_FASTIFY: Record<string, (error: FastifyError) => RequestError> = {
  FST_ERR_CTP_BODY_TOO_LARGE: tooLarge,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: unknownType,
}

/** A failure as the API answers it. */
export interface Answered {
  problem: Omit<Problem, 'request_id'>
  retryAfterSeconds?: number
  /** Nobody expected it: its stack belongs in the log. */
  isUnexpected: boolean
}

/** @param request the parts of the request that schemas validate, by name */
export function answerTo(error: unknown, request: Record<string, unknown>): Answered {
  if (error instanceof RequestError)
    return answer(REQUEST_FAILURES[error.code].status, error.code, error.message, error.findings)
  if (error instanceof AppError) {
    const outage = DATABASE_OUTAGES.has(error.code)
    const status = outage ? 503 : (STATUS[error.code] ?? 500)
    return answer(
      status,
      error.code,
      asParameters(error.message),
      status === 503 ? { retryAfterSeconds: RETRY_SECONDS } : {},
    )
  }
  if (error instanceof PhotoError) return answer(503, error.code, error.message, { retryAfterSeconds: RETRY_SECONDS })
  if (error instanceof HostPausedError)
    return answer(503, error.failure.code, error.message, { retryAfterSeconds: Math.ceil(error.ms / 1000) })
  if (hasZodFastifySchemaValidationErrors(error)) return answerTo(invalid(error, request), request)
  const { code = '', statusCode = 500, message } = error as FastifyError
  const known = OF_FASTIFY[code]?.(error as FastifyError)
  if (known) return answerTo(known, request)
  if (statusCode >= 400 && statusCode < 500) return answer(400, 'REQUEST_INVALID', message, {})
  const failed = answer(
    500,
    'INTERNAL_ERROR',
    'The server failed. Its log has the reason, under the id of the request.',
    {},
  )
  return { ...failed, isUnexpected: true }
}

function answer(status: number, code: string, detail: string, findings: RequestFindings): Answered {
  const { field, expected, found, action, retryAfterSeconds } = findings
  const problem = {
    type: `${ERRORS_PAGE}#${code}`,
    title: code.toLowerCase().replaceAll('_', ' '),
    status,
    detail: redact(detail),
    code,
    ...(field === undefined ? {} : { field }),
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found: redact(found.slice(0, LONGEST_FOUND)) }),
    ...(action === undefined ? {} : { action }),
  }
  return { problem, retryAfterSeconds, isUnexpected: false }
}

export function tooLarge(): RequestError {
  return new RequestError('BODY_TOO_LARGE', 'The body is larger than this endpoint accepts.', {
    field: 'body',
    action: 'Send fewer things at once, or a picture by itself: POST /api/v1/search/picture takes 64 MiB.',
  })
}

export function unknownType(): RequestError {
  return new RequestError('BODY_TYPE_UNKNOWN', 'The content type of the body is not one of this endpoint.', {
    field: 'headers.content-type',
    action: 'docs/openapi.json names the content types of each endpoint.',
  })
}

export function compressedBody(): RequestError {
  return new RequestError('BODY_TYPE_UNKNOWN', 'The body is compressed; expected one without Content-Encoding.', {
    field: 'headers.content-encoding',
    action: 'Send the body as it is.',
  })
}

interface Issue {
  instancePath: string
  message?: string
  params: { keys?: string[] }
}

function invalid(
  { validation, validationContext = 'body' }: { validation: readonly unknown[]; validationContext?: string },
  request: Record<string, unknown>,
): RequestError {
  const { instancePath, message = 'invalid', params } = validation[0] as Issue
  const path = instancePath.split('/').filter(part => part !== '')
  const part = validationContext === 'querystring' ? 'query' : validationContext
  const field = [part, ...path, ...(params.keys?.slice(0, 1) ?? [])].join('.')
  const found = params.keys ? shortened(params.keys.slice(0, 10).join(', ')) : { in: request[part], at: path }
  return invalidValue(field, message, found)
}

/** @param found in words, or as the value at a path of another one */
export function invalidValue(
  fieldName: string,
  expectation: string,
  found: string | { in: unknown; at: readonly PropertyKey[] },
): RequestError {
  const field = shortened(fieldName)
  const expected = shortened(expectation)
  const shown = typeof found === 'string' ? found : brief(found.at.reduce<unknown>(memberOf, found.in))
  return new RequestError('REQUEST_INVALID', `${field}: ${expected}; found ${shown}.`, {
    field,
    expected,
    found: shown,
  })
}

const memberOf = (value: unknown, key: PropertyKey): unknown =>
  (value as Record<PropertyKey, unknown> | null | undefined)?.[key]

/** A value of a request in a few words: it can have megabytes, and any depth. */
function brief(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  return shortened(JSON.stringify(typeof value === 'string' ? value.slice(0, LONGEST_FOUND) : value))
}

function shortened(text: string): string {
  return text.length > LONGEST_FOUND ? `${text.slice(0, LONGEST_FOUND)}…` : text
}

/** Use cases name options of the command line. Those of searches are parameters of the same names; others stay as they are. */
function asParameters(message: string): string {
  return message.replaceAll(
    /(?<![\w-])--(model|photo|image|where|label|near|keyword|collection|color|orientation|cursor|min-score|like|plus|minus)(?![\w-])/g,
    (_, name: string) => name.replaceAll('-', '_'),
  )
}
