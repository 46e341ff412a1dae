import { expect, test } from 'vitest'
import { expiry } from '../../../src/cli/keys/expiry.js'

const NOW = Date.parse('2026-11-29T12:00:00Z')
const at = (text: string) => expiry(text, undefined, NOW).toISOString()

test('reads days, hours and times', () => {
  expect(at('90d')).toBe('2027-02-27T12:00:00.000Z')
  expect(at('12h')).toBe('2026-11-30T00:00:00.000Z')
  expect(at('2027-12-31')).toBe('2027-12-31T00:00:00.000Z')
  expect(at('2027-12-31T10:00:00+02:00')).toBe('2027-12-31T08:00:00.000Z')
})

test.each(['0d', '', '5', '5m', '2026-11-29', '1', '999999d', 'tomorrow', '-1d', '2027-13-45'])('refuses %j', text => {
  expect(() => at(text)).toThrow('in the future: 90d, 12h or 2027-12-31')
})
