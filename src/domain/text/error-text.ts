/** Code of a system, network or driver error; of the first one of several. Empty without one. */
export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code
  if (typeof code === 'string') return code
  return error instanceof AggregateError ? errorCode(error.errors[0]) : ''
}

/** Whether the process or its machine can open no more files and sockets, also as the cause of another error. */
export function isExhausted(error: unknown): boolean {
  const code = errorCode(error)
  if (code === 'EMFILE' || code === 'ENFILE') return true
  return error instanceof Error && error.cause !== undefined && isExhausted(error.cause)
}

/** Message of anything that was thrown; of several errors all of them. */
export function errorMessage(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(errorMessage).join('; ')
  return error instanceof Error ? error.message : String(error)
}
