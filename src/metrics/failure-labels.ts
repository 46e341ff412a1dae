import { STATUS_CODES } from 'node:http'
import { PHOTO_FAILURES, type PhotoFailureCode } from '../domain/errors.js'

const ERROR_STATUS = /^[45]\d\d$/
/** A status that no standard registers, such as those of some CDNs. */
const OTHER_STATUS = /^HTTP_([45])\d\d$/

/**
 * Every value of the label `code`, known before anything fails. A counter that appears only with its first failures
 * hides them: `increase()` sees a series that starts at 48, and says 0.
 */
export const FAILURE_LABELS: readonly string[] = [
  ...Object.keys(PHOTO_FAILURES),
  ...Object.keys(STATUS_CODES)
    .filter(status => ERROR_STATUS.test(status))
    .map(status => `HTTP_${status}`),
  'HTTP_4xx',
  'HTTP_5xx',
  'HTTP_other',
]
const KNOWN = new Set(FAILURE_LABELS)

/** The value of the label `code` for a failure: the code, or for an unregistered status its class. */
export function failureLabel(code: PhotoFailureCode): string {
  if (KNOWN.has(code)) return code
  const [, digit] = OTHER_STATUS.exec(code) ?? []
  return digit === undefined ? 'HTTP_other' : `HTTP_${digit}xx`
}
