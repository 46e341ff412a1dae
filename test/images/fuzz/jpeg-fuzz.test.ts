import { expect, test } from 'vitest'
import { fuzzJpegs, fuzzSeed } from './jpeg-fuzz.js'

test('Any mutated JPEG is left to libvips or gives the very pixels of libvips', async () => {
  const { refused, same } = await fuzzJpegs(fuzzSeed(), 4000)
  expect(refused).toBeGreaterThan(400)
  expect(same).toBeGreaterThan(400)
})
