import { expect, test } from 'vitest'
import { FailedAttempts, subnetOf } from '../../src/http/access/attempts.js'

test('an address may fail so often within a minute, and again after it', () => {
  let now = 0
  const attempts = new FailedAttempts(2, () => now)
  expect([attempts.begin('10.0.0.1'), attempts.begin('10.0.0.1')]).toEqual([null, null])
  now = 20_000
  expect([attempts.begin('10.0.0.1'), attempts.begin('10.0.0.2')]).toEqual([40, null])
  now = 60_000
  expect(attempts.begin('10.0.0.1')).toBeNull()
})

test('what succeeds does not count', () => {
  const attempts = new FailedAttempts(1, () => 0)
  for (let i = 0; i < 5; i++) {
    expect(attempts.begin('10.0.0.1')).toBeNull()
    attempts.undo('10.0.0.1')
  }
})

test('ten thousand addresses are remembered, the newest ones', () => {
  const attempts = new FailedAttempts(1, () => 0)
  for (let i = 0; i <= 10_000; i++) attempts.begin(`10.0.${i >> 8}.${i & 255}`)
  expect([attempts.begin('10.0.0.1'), attempts.begin('10.0.0.0')]).toEqual([60, null])
})

test('the addresses of a host with IPv6 count as one', () => {
  expect(subnetOf('2001:db8:1:2::1')).toBe(subnetOf('2001:0DB8:1:2:ffff::2'))
  expect(subnetOf('2001:db8:1:2::1')).not.toBe(subnetOf('2001:db8:1:3::1'))
  expect([subnetOf('::ffff:10.0.0.1'), subnetOf('10.0.0.1')]).toEqual(['10.0.0.1', '10.0.0.1'])
  expect(subnetOf('::1')).toBe('0:0:0:0')
})
