import { expect, test } from 'vitest'
import { collapsed } from '../../src/search/collapsed.js'

const pair = (photoId: string, otherId: string, score = 0.97) => ({ photoId, otherId, score })

test('a photo belongs to the first one before it that looks the same', () => {
  expect(collapsed(['a', 'b', 'c', 'd'], [], [pair('a', 'c'), pair('c', 'd', 0.99), pair('b', 'd', 0.96)])).toEqual([
    { photoId: 'c', of: 'a', score: 0.97 },
    { photoId: 'd', of: 'b', score: 0.96 },
  ])
})

test('a chain does not become one group', () => {
  expect(collapsed(['a', 'b', 'c'], [], [pair('a', 'b'), pair('b', 'c')])).toEqual([
    { photoId: 'b', of: 'a', score: 0.97 },
  ])
})

test('photos that were shown before come first, and none is compared with itself', () => {
  expect(collapsed(['a', 'b', 'z'], ['z'], [pair('a', 'b'), pair('b', 'z', 0.96)])).toEqual([
    { photoId: 'b', of: 'z', score: 0.96 },
  ])
})
