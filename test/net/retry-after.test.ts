import { expect, test } from 'vitest'
import { MAX_RETRY_AFTER_MS, retryAfterMs } from '../../src/net/retry-after.js'

const NOW = Date.parse('Wed, 21 Oct 2026 07:28:00 GMT')

test.each([
  ['0', 0],
  ['2', 2000],
  [' 30 ', 30_000],
  ['Wed, 21 Oct 2026 07:28:05 GMT', 5000],
  ['Wednesday, 21-Oct-26 07:28:05 GMT', 5000],
  ['Wed, 21 Oct 2026 07:27:00 GMT', 0],
  ['86400', MAX_RETRY_AFTER_MS],
  ['99999999999999999999', MAX_RETRY_AFTER_MS],
  ['Wed, 21 Oct 2099 07:28:00 GMT', MAX_RETRY_AFTER_MS],
  [undefined, undefined],
  ['', undefined],
  ['soon', undefined],
  ['-1', undefined],
  ['1.5', undefined],
])('Retry-After: %s asks for %s ms', (header, ms) => {
  expect(retryAfterMs(header, NOW)).toBe(ms)
})
