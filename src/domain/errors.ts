/**
 * Every error that leaves a module is an {@link AppError} with a code of this table. Whether it is worth another try is
 * data on the error, decided where it is made.
 */

/** Reasons for which one photo failed; they are recorded with the photo and never stop its batch. */
export const PHOTO_FAILURES = {
  INVALID_URL: { retryable: false, help: 'The image URL is not an http, https or file URL.' },
  HOST_FORBIDDEN: {
    retryable: false,
    help: 'The URL, or a redirect from it, leads to a private, loopback or link-local address. For a server of your own pass --allow-host HOST[:PORT].',
  },
  OPTED_OUT: {
    retryable: false,
    help: 'The server answers with X-Robots-Tag (noai, noimageai, noindex, noimageindex, none) or TDM-Reservation: 1. --ignore-opt-out, with the right to it, takes the image all the same.',
  },
  FOLDER_FORBIDDEN: {
    retryable: false,
    help: 'The file lies outside the folders that the worker may read. Start the worker with --allow-folder FOLDER.',
  },
  FILE_NOT_FOUND: { retryable: false, help: 'The image file no longer exists or cannot be read.' },
  DNS_FAILED: { retryable: true, help: 'The host name could not be resolved.' },
  CONNECTION_FAILED: {
    retryable: true,
    help: 'The connection was refused, reset or closed before the answer was complete.',
  },
  TIMEOUT: { retryable: true, help: 'The whole request took longer than DOWNLOAD_TIMEOUT_MS.' },
  TOO_MANY_REDIRECTS: { retryable: false, help: 'More redirects than MAX_REDIRECTS.' },
  BAD_REDIRECT: { retryable: false, help: 'A redirect without a usable Location.' },
  TRUNCATED_BODY: { retryable: true, help: 'The body ended before the announced Content-Length.' },
  TOO_LARGE: { retryable: false, help: 'The image has more bytes than MAX_IMAGE_BYTES.' },
  EMPTY_BODY: { retryable: false, help: 'The server answered with no bytes.' },
  NOT_AN_IMAGE: {
    retryable: false,
    help: 'Neither the content type nor the first bytes are those of a supported image.',
  },
  UNSUPPORTED_IMAGE: {
    retryable: false,
    help: 'An image, but of a format that is not decoded here (SVG, PDF, ICO, …).',
  },
  TOO_MANY_PIXELS: { retryable: false, help: 'The image has more pixels than MAX_IMAGE_PIXELS.' },
  DECODE_FAILED: { retryable: false, help: 'The image data are damaged.' },
  STORE_FAILED: { retryable: true, help: 'The compressed copy could not be written to the object store.' },
  ENCODE_FAILED: { retryable: false, help: 'The model gave no finite embedding for this image.' },
  CRASHED_WORKER: {
    retryable: false,
    help: 'The process that worked on this photo, and on nothing else, died or hung, three times in a row.',
  },
} as const satisfies Record<string, { retryable: boolean; help: string }>

export type PhotoFailureCode = keyof typeof PHOTO_FAILURES | `HTTP_${number}`

/** Reasons for which a command ends. `exitCode` 2: wrong usage or configuration; 1: it failed. */
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
  DATABASE_UNREACHABLE: { exitCode: 1 },
  DATABASE_TIMEOUT: { exitCode: 1 },
  DATABASE_TOO_OLD: { exitCode: 1 },
  DATABASE_FORBIDDEN: { exitCode: 1 },
  DATABASE_LOCKED: { exitCode: 1 },
  DATABASE_BUSY: { exitCode: 1 },
  DATABASE_MEMORY: { exitCode: 1 },
  EMBEDDED_START_FAILED: { exitCode: 1 },
  MIGRATION_FAILED: { exitCode: 1 },
  QUEUE_UNREACHABLE: { exitCode: 1 },
  STORE_UNREACHABLE: { exitCode: 1 },
  MODEL_UNKNOWN: { exitCode: 2 },
  MODEL_INVALID: { exitCode: 1 },
  MODEL_NOT_FOUND: { exitCode: 1 },
  MODEL_DOWNLOAD_FAILED: { exitCode: 1 },
  MODEL_DIGEST_MISMATCH: { exitCode: 1 },
  MODEL_DISK_FULL: { exitCode: 1 },
  COMPARISON_FAILED: { exitCode: 1 },
  MODEL_WITHOUT_TEXT: { exitCode: 2 },
  WORKER_FAILED: { exitCode: 1 },
  RUN_CANCELLED: { exitCode: 1 },
  INTERRUPTED: { exitCode: 130 },
} as const satisfies Record<string, { exitCode: number }>

export type CommandFailureCode = keyof typeof COMMAND_FAILURES

/** An error that ends a command. The message names what was expected, what was found, and what to do. */
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

/** An error of one photo. `message` says what was found; the code's `help` says what it means. */
export class PhotoError extends Error {
  override readonly name = 'PhotoError'
  readonly retryable: boolean
  /** When set, the earliest moment at which another try makes sense, in ms from now (Retry-After). */
  readonly retryAfterMs: number | undefined

  constructor(
    readonly code: PhotoFailureCode,
    message: string,
    options: ErrorOptions & { retryAfterMs?: number } = {},
  ) {
    super(message, options)
    this.retryable = isRetryable(code)
    this.retryAfterMs = options.retryAfterMs
  }
}

const RETRYABLE_STATUS = new Set([408, 425, 429, 500, 502, 503, 504, 507, 520, 521, 522, 523, 524])

/** Whether a photo that failed with this code may succeed later. */
export function isRetryable(code: PhotoFailureCode): boolean {
  if (isHttpCode(code)) return RETRYABLE_STATUS.has(Number(code.slice('HTTP_'.length)))
  return PHOTO_FAILURES[code].retryable
}

/** One sentence on what a code means, for reports. */
export function explainFailure(code: PhotoFailureCode): string {
  if (isHttpCode(code)) return `The image server answered with status ${code.slice('HTTP_'.length)}.`
  return PHOTO_FAILURES[code].help
}

function isHttpCode(code: PhotoFailureCode): code is `HTTP_${number}` {
  return code.startsWith('HTTP_')
}
