import { expect, test } from 'vitest'
import { stopped } from '../../../src/cli/models/correct-model.js'

test('an interrupted models correct names the command that goes on with the same model and weight', () => {
  const reached = { compared: 8008, photos: 25_700 }
  expect(stopped(reached, 'clip-vit-b-32@fp32', 0)).toMatch(
    /^Stopped after 8,008 of 25,700 photos\. .*models correct clip-vit-b-32@fp32 --weight 0$/,
  )
  expect(stopped(reached, 'clip-vit-b-32@fp32')).toMatch(/models correct clip-vit-b-32@fp32$/)
})
