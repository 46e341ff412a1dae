import { expect, test } from 'vitest'
import { backoffMs } from '../../src/domain/backoff.js'

test('a delay doubles with every failure up to the longest', () => {
  expect([0, 1, 2, 3, 4].map(failures => backoffMs(failures, { firstMs: 100, maxMs: 1000 }))).toEqual([
    100, 200, 400, 800, 1000,
  ])
})

test('with jitter a share of the delay is random', () => {
  const at = (random: number) => backoffMs(2, { firstMs: 100, jitter: 0.5, random: () => random })
  expect([at(0), at(0.5), at(1)]).toEqual([200, 300, 400])
})
