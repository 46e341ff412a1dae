import { expect, test } from 'vitest'
import { namedShare } from '../../src/search/example-searches.js'
import { aPhoto } from '../db/factories.js'

const hits = (...texts: (string | null)[]) =>
  texts.map((text, i) => ({ photo: aPhoto(`photo-${i}`, { photo_description: text }) }))

test('descriptions confirm a search that names what they name, in any form', () => {
  expect(namedShare('waves on a beach', hits('A wave, breaking', 'Two beaches', 'The sea', null))).toBeCloseTo(2 / 3)
  expect(namedShare('a cat in a room', hits('Cats!', 'A cathedral', 'caterpillar', 'My room'))).toBe(0.5)
  expect(namedShare('a city at night from above', hits('From above', 'the thing above'))).toBe(0)
})

test('photos without a description say nothing', () => {
  expect(namedShare('a dog running', hits(null, null))).toBeNull()
  expect(namedShare('a dog running', [])).toBeNull()
})
