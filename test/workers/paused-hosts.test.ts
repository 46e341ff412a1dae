import { expect, test } from 'vitest'
import { HostPausedError, PhotoError } from '../../src/domain/errors.js'
import { describePauses } from '../../src/workers/paused-hosts.js'

const paused = (host: string, seconds: number, code: 'HOST_PAUSED' | 'TIMEOUT' = 'HOST_PAUSED') =>
  new HostPausedError(host, seconds * 1000, Number.POSITIVE_INFINITY, new PhotoError(code, 'not asked'))

test('paused hosts are named with the time until they are asked again, the longest pauses first', () => {
  expect(describePauses([])).toBeNull()
  expect(describePauses([paused('a.example', 90), paused('b.example', 600, 'TIMEOUT')])).toBe(
    'b.example does not answer and is asked again in 10 min 0 s; a.example asked for a pause and is asked again in 1 min 30 s',
  )
})

test('of many paused hosts three are named', () => {
  const many = Array.from({ length: 2000 }, (_, i) => paused(`host-${i}.example`, i + 1))
  expect(describePauses(many)).toMatch(/^host-1999\.example .*; 1,997 more hosts are paused$/)
})
