import type { Problem } from './schema.js'

/** A problem that the server names (RFC 9457). */
export class ApiError extends Error {
  readonly code: string
  /** What can be done; undefined: the message says it. */
  readonly action: string | undefined
  /** The part of the request that is wrong; undefined: the server names none. */
  readonly field: string | undefined

  constructor(
    readonly status: number,
    { code = 'UNKNOWN', detail, action, field }: Partial<Problem>,
  ) {
    super(detail ?? `The server answered with status ${status}.`)
    this.code = code
    this.action = action
    this.field = field
  }
}

/** The server was not reached: it stopped, or the network is gone. */
export class NetworkError extends Error {
  constructor(cause: unknown) {
    super('The server cannot be reached.', { cause })
  }
}
