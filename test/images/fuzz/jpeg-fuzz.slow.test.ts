import { expect, test } from 'vitest'
import { fuzzJpegs, fuzzSeed } from './jpeg-fuzz.js'

test('100,000 mutated JPEGs are left to libvips or give the very pixels of libvips', {
  timeout: 1_800_000,
}, async () => {
  const { refused, same } = await fuzzJpegs(fuzzSeed(), 100_000)
  expect(refused).toBeGreaterThan(10_000)
  expect(same).toBeGreaterThan(10_000)
})
