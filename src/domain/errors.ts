/**
 * Every error that leaves a module is an {@link AppError} with a code from this table. The error says whether a retry
 * can help; the code that creates the error decides this.
 */

/** Reasons why one photo failed. They are recorded with the photo and never stop its batch. */
export const PHOTO_FAILURES = {
  INVALID_URL: { retryable: false, help: 'The image URL is not an http, https or file URL.' },
  HOST_FORBIDDEN: {
    retryable: false,
    help: 'The URL, or a redirect from it, leads to a private, loopback or link-local address. For your own server, pass --allow-host HOST[:PORT].',
  },
  OPTED_OUT: {
    retryable: false,
    help: 'The server answers with X-Robots-Tag (noai, noimageai, noindex, noimageindex, none) or TDM-Reservation: 1. If you have the right to use the image, pass --ignore-opt-out.',
  },
  FOLDER_FORBIDDEN: {
    retryable: false,
    help: 'The file is outside the folders that the worker may read. Start the worker with --allow-folder FOLDER.',
  },
  CONTENT_CHANGED: {
    retryable: false,
    help: 'The file holds other bytes than when it was ingested. Ingest its folder again: the new content is another photo.',
  },
  FILE_NOT_FOUND: { retryable: false, help: 'The image file no longer exists or cannot be read.' },
  DNS_FAILED: { retryable: true, help: 'The host name could not be resolved.' },
  CONNECTION_FAILED: {
    retryable: true,
    help: 'The connection was refused, reset or closed before the response was complete.',
  },
  TIMEOUT: { retryable: true, help: 'The whole request took longer than DOWNLOAD_TIMEOUT_MS.' },
  HOST_PAUSED: {
    retryable: true,
    help: 'The host has asked for pauses (429 or 503 with Retry-After) for 6 hours and has served nothing in that time.',
  },
  TOO_MANY_REDIRECTS: { retryable: false, help: 'More redirects than MAX_REDIRECTS.' },
  BAD_REDIRECT: { retryable: false, help: 'The redirect has no usable Location.' },
  TRUNCATED_BODY: {
    retryable: true,
    help: 'The body ended before the announced Content-Length, or in the middle of its compressed data.',
  },
  TOO_LARGE: { retryable: false, help: 'The image has more bytes than MAX_IMAGE_BYTES.' },
  EMPTY_BODY: { retryable: false, help: 'The file, or the answer of the server, has no bytes.' },
  NOT_AN_IMAGE: {
    retryable: false,
    help: 'The first bytes are not those of an image. The content type does not count.',
  },
  UNSUPPORTED_IMAGE: {
    retryable: false,
    help: 'The format (SVG, PDF, ICO, …) or colour space of the image is not supported.',
  },
  TOO_MANY_PIXELS: { retryable: false, help: 'The image has more pixels than MAX_IMAGE_PIXELS.' },
  DECODE_FAILED: { retryable: false, help: 'The image data are damaged.' },
  STORE_FAILED: {
    retryable: true,
    help: 'The compressed copy could not be written to the object store, or read from it.',
  },
  ENCODE_FAILED: { retryable: false, help: 'The model gave no finite embedding for this image.' },
  INTERNAL_ERROR: {
    retryable: true,
    help: 'An unexpected error in the program, while it processed this photo. Please report it with the stack in the log of the worker.',
  },
  CRASHED_WORKER: {
    retryable: false,
    help: 'The process died or hung three times in a row while it processed only this photo.',
  },
} as const satisfies Record<string, { retryable: boolean; help: string }>

export type PhotoFailureCode = keyof typeof PHOTO_FAILURES | `HTTP_${number}`

/** Reasons why a command fails. `exitCode` 2: wrong usage or configuration; 1: any other failure. */
export const COMMAND_FAILURES = {
  USAGE: { exitCode: 2 },
  CONFIG_INVALID: { exitCode: 2 },
  INPUT_NOT_FOUND: { exitCode: 2 },
  INPUT_INVALID: { exitCode: 2 },
  INPUT_COLUMNS_MISSING: { exitCode: 2 },
  LABEL_SET_INVALID: { exitCode: 2 },
  FILTER_INVALID: { exitCode: 2 },
  NOT_FOUND: { exitCode: 1 },
  NOT_EMBEDDED: { exitCode: 1 },
  PROMPT_NOT_EMBEDDED: { exitCode: 1 },
  REFERENCES_MISSING: { exitCode: 1 },
  CUT_OFF_MISSING: { exitCode: 1 },
  DATABASE_UNREACHABLE: { exitCode: 1 },
  DATABASE_UNAVAILABLE: { exitCode: 1 },
  DATABASE_TIMEOUT: { exitCode: 1 },
  DATABASE_TOO_OLD: { exitCode: 1 },
  DATABASE_FORBIDDEN: { exitCode: 1 },
  DATABASE_LOCKED: { exitCode: 1 },
  DATABASE_BUSY: { exitCode: 1 },
  DATABASE_MEMORY: { exitCode: 1 },
  DATABASE_NOT_EMPTY: { exitCode: 1 },
  DATABASE_FAILED: { exitCode: 1 },
  EMBEDDED_START_FAILED: { exitCode: 1 },
  MIGRATION_FAILED: { exitCode: 1 },
  BACKUP_INVALID: { exitCode: 1 },
  MOVE_FAILED: { exitCode: 1 },
  QUEUE_UNREACHABLE: { exitCode: 1 },
  QUEUE_FULL: { exitCode: 1 },
  STORE_UNREACHABLE: { exitCode: 1 },
  STORE_DIFFERS: { exitCode: 1 },
  MODEL_UNKNOWN: { exitCode: 2 },
  MODEL_INVALID: { exitCode: 1 },
  MODEL_NOT_FOUND: { exitCode: 1 },
  MODEL_DOWNLOAD_FAILED: { exitCode: 1 },
  MODEL_DIGEST_MISMATCH: { exitCode: 1 },
  MODEL_DISK_FULL: { exitCode: 1 },
  COMPARISON_FAILED: { exitCode: 1 },
  MODEL_WITHOUT_TEXT: { exitCode: 2 },
  FILE_FAILED: { exitCode: 1 },
  TARGET_NOT_EMPTY: { exitCode: 1 },
  TARGET_BUSY: { exitCode: 1 },
  EXPORT_DIFFERS: { exitCode: 1 },
  FOLDER_UNREACHABLE: { exitCode: 1 },
  TEMPLATE_UNKNOWN: { exitCode: 1 },
  INTERNAL_ERROR: { exitCode: 1 },
  WORKER_FAILED: { exitCode: 1 },
  RUN_CANCELLED: { exitCode: 1 },
  INTERRUPTED: { exitCode: 130 },
} as const satisfies Record<string, { exitCode: number }>

export type CommandFailureCode = keyof typeof COMMAND_FAILURES

/** Reasons why the HTTP API refuses a request, beside those of commands. `status`: of the response. */
export const REQUEST_FAILURES = {
  REQUEST_INVALID: { status: 400 },
  KEY_REQUIRED: { status: 401 },
  KEY_INVALID: { status: 401 },
  SCOPE_MISSING: { status: 403 },
  ROUTE_NOT_FOUND: { status: 404 },
  COPY_NOT_FOUND: { status: 404 },
  RUN_NOT_FOUND: { status: 404 },
  METHOD_NOT_ALLOWED: { status: 405 },
  BODY_TOO_LARGE: { status: 413 },
  BODY_TYPE_UNKNOWN: { status: 415 },
  RANGE_INVALID: { status: 416 },
  IDEMPOTENCY_CONFLICT: { status: 422 },
  REQUEST_UNPROCESSABLE: { status: 422 },
  HOST_REFUSED: { status: 421 },
  HEADERS_TOO_LARGE: { status: 431 },
  ORIGIN_REFUSED: { status: 403 },
  RATE_LIMITED: { status: 429 },
  OVERLOADED: { status: 503 },
  REQUEST_TIMEOUT: { status: 503 },
  PICTURE_TIMEOUT: { status: 504 },
} as const satisfies Record<string, { status: number }>

export type RequestFailureCode = keyof typeof REQUEST_FAILURES

/** Failures of the database that pass without a change of the call: repeating it succeeds later. */
export const DATABASE_OUTAGES: ReadonlySet<CommandFailureCode> = new Set([
  'DATABASE_UNREACHABLE',
  'DATABASE_UNAVAILABLE',
  'DATABASE_TIMEOUT',
  'DATABASE_BUSY',
])

/** An error that ends a command. The message names the expected value, the found value and the way out. */
export class AppError extends Error {
  override readonly name = 'AppError'
  constructor(
    readonly code: CommandFailureCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }

  get exitCode(): number {
    return COMMAND_FAILURES[this.code].exitCode
  }
}

/** What an error says about a request, beside its sentence. */
export interface RequestFindings {
  /** Where the fault is: `query.k`, `body.parts.0.weight`, `headers.host`. */
  field?: string
  expected?: string
  found?: string
  /** What the client can do. */
  action?: string
  /** When the same request may succeed. */
  retryAfterSeconds?: number
}

/** An error of one request to the HTTP API. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  constructor(
    readonly code: RequestFailureCode,
    message: string,
    readonly findings: RequestFindings = {},
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** An error of one photo. `message` describes the finding; the code's `help` explains it. */
export class PhotoError extends Error {
  override readonly name = 'PhotoError'
  readonly retryable: boolean
  /** Earliest useful retry, in ms from now (Retry-After). */
  readonly retryAfterMs: number | undefined

  constructor(
    readonly code: PhotoFailureCode,
    message: string,
    options: ErrorOptions & { retryAfterMs?: number; retryable?: boolean } = {},
  ) {
    super(message, options)
    this.retryable = options.retryable ?? isRetryable(code)
    this.retryAfterMs = options.retryAfterMs
  }
}

/**
 * The host of a photo is paused, so the photo was not requested. It becomes due after the pause, and no attempt counts,
 * unless its batch has been postponed for `patienceMs`: then it fails with `failure`.
 */
export class HostPausedError extends Error {
  override readonly name = 'HostPausedError'

  /** @param ms rest of the pause */
  constructor(
    readonly host: string,
    readonly ms: number,
    readonly patienceMs: number,
    readonly failure: PhotoError,
  ) {
    super(failure.message)
  }
}

/**
 * A photo lies in no folder that this worker can read, or another machine has its file, or this worker may not use the
 * variables of its URL template: another worker may. No attempt of the photo counts.
 */
export class OutOfReachError extends Error {
  override readonly name = 'OutOfReachError'

  /**
   * @param what the path, or the template
   * @param why for people; default: the folder cannot be read
   */
  constructor(
    readonly what: string,
    readonly why?: string,
    readonly code: 'FOLDER_UNREACHABLE' | 'TEMPLATE_UNKNOWN' = 'FOLDER_UNREACHABLE',
  ) {
    super(`${what} is out of reach of this worker`)
  }
}

/**
 * 4xx that pass: timeouts and requests to slow down. 420 and 430 ask for fewer requests, 499 is nginx's word for a
 * connection that ended in front of it.
 */
const PASSING_4XX = new Set([408, 420, 425, 429, 430, 499])
/**
 * 5xx that say that the request can never work: not implemented, HTTP version, negotiation, loop, extension. CDNs and
 * hosts use many others for overload and broken origins: 509, 520 to 530, 598, 599.
 */
const LASTING_5XX = new Set([501, 505, 506, 508, 510])

/** Returns whether a photo that failed with this code may succeed later. */
export function isRetryable(code: PhotoFailureCode): boolean {
  if (isHttpCode(code)) {
    const status = Number(code.slice('HTTP_'.length))
    return PASSING_4XX.has(status) || (status >= 500 && status <= 599 && !LASTING_5XX.has(status))
  }
  return PHOTO_FAILURES[code].retryable
}

/** Explains a code in one sentence, for reports. */
export function explainFailure(code: PhotoFailureCode): string {
  if (isHttpCode(code)) return `The image server answered with status ${code.slice('HTTP_'.length)}.`
  return PHOTO_FAILURES[code].help
}

function isHttpCode(code: PhotoFailureCode): code is `HTTP_${number}` {
  return code.startsWith('HTTP_')
}
