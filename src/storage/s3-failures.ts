import { S3ServiceException } from '@aws-sdk/client-s3'

/** Refusals that pass: conflicts, timeouts, throttling; a quota that is raised, credentials that are renewed, clocks. */
const PASSING_STATUS = new Set([408, 409, 423, 425, 429])
const PASSING_NAMES =
  /SlowDown|Throttl|TooManyRequests|Timeout|TooSkewed|Expired|TokenRefresh|Quota|StorageFull|BandwidthLimit/i

/**
 * Whether the store will always refuse this: forbidden, too large, an invalid key, no such bucket, another region. Not an
 * outage (5xx, no answer).
 */
export function isRefusal(error: unknown): boolean {
  return error instanceof S3ServiceException && !isPassing(error)
}

/** Whether an answer may be another one later. */
export function isPassing(error: unknown): boolean {
  const status = statusOf(error) ?? 500
  if (error instanceof Error && PASSING_NAMES.test(error.name)) return true
  return status < 300 || status >= 500 || PASSING_STATUS.has(status)
}

/** The status of an answer; undefined without one. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined
}

export function describeFailure(error: unknown): string {
  const { name, message, code } = error as Error & { code?: string }
  if (error instanceof S3ServiceException)
    return `${name} (status ${error.$metadata.httpStatusCode ?? 'unknown'})${message === '' || message === name ? '' : `: ${message}`}`
  return code ?? (name === 'Error' ? message : `${name}: ${message}`)
}
