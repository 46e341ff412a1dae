import { expect, test } from 'vitest'
import { restartDelayMs } from '../../../src/workers/supervisor/restart-backoff.js'

const longest = (crashes: number) => restartDelayMs(crashes, 1)
const shortest = (crashes: number) => restartDelayMs(crashes, 0)

test('the pause doubles with every crash in a row, from a second to a minute', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 1000].map(longest)).toEqual([
    1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000,
  ])
})

test('half of it is left to chance, so that processes that crashed together come back one by one', () => {
  for (const crashes of [1, 5, 50]) expect(shortest(crashes)).toBe(longest(crashes) / 2)
  expect(restartDelayMs(3, 0.5)).toBe(3000)
})
