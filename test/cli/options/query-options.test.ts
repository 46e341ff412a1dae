import { describe, expect, test } from 'vitest'
import { chooseQuery } from '../../../src/cli/options/query-options.js'

const partsOf = (...args: Parameters<typeof chooseQuery>) => {
  const query = chooseQuery(...args)
  return query.kind === 'combined' ? query.parts : query
}

describe('a query', () => {
  test('of one thing stays what it is', () => {
    expect(chooseQuery('a dog', {})).toEqual({ kind: 'text', value: 'a dog', title: 'a dog' })
    expect(chooseQuery(undefined, { photo: 'x' })).toEqual({ kind: 'photo', value: 'x', title: 'Like photo x' })
    expect(chooseQuery(' ', { image: 'x.jpg' })).toMatchObject({ kind: 'image', value: 'x.jpg' })
  })

  test('of words alone has parts of weight 1', () => {
    expect(partsOf('a street', { plus: ['in rain:2.5'], minus: ['people'] })).toEqual([
      { words: 'a street', weight: 1 },
      { words: 'in rain', weight: 2.5 },
      { words: 'people', weight: -1 },
    ])
  })

  test('of photos and words gives words the weight at which they say as much', () => {
    expect(partsOf('at night', { like: ['-N_UwPdUs7E', 'b:0.5'], minus: ['people:1'] })).toEqual([
      { photo: '-N_UwPdUs7E', weight: 1 },
      { photo: 'b', weight: 0.5 },
      { words: 'at night', weight: 4 },
      { words: 'people', weight: -1 },
    ])
    expect(partsOf(undefined, { image: 'x.jpg', plus: ['at night'] })).toEqual([
      { image: 'x.jpg', weight: 1 },
      { words: 'at night', weight: 4 },
    ])
  })

  test('says in its title what it is made of', () => {
    expect(chooseQuery('a street', { like: ['x:2'], minus: ['people:1'] }).title).toBe(
      'a street, like photo x, not people',
    )
  })

  test.each<[Parameters<typeof chooseQuery>, string]>([
    [[undefined, {}], 'expects one of: words, --image FILE|URL, --photo ID; found none'],
    [['a', { photo: 'x', image: 'y' }], 'found text and image and photo. Combine several with --like'],
    [[undefined, { minus: ['people'] }], '--minus needs something to search for'],
    [[undefined, { like: ['no such'] }], '--like expects a photo id or ID:WEIGHT, found "no such"'],
    [[undefined, { like: ['x:0'] }], '--like expects ID or ID:WEIGHT, the weight above 0 and up to 1000'],
    [['a', { plus: [' :2'] }], '--plus expects WORDS or WORDS:WEIGHT'],
    [['a', { minus: ['b:1001'] }], '--minus expects WORDS or WORDS:WEIGHT'],
    [[undefined, { photo: 'x', plus: ['a'] }], 'use --like x instead'],
  ])('%j is refused', (args, message) => {
    expect(() => chooseQuery(...args)).toThrow(message)
  })
})
