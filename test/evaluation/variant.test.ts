import { describe, expect, test } from 'vitest'
import { parseVariants } from '../../src/evaluation/variant.js'

const plain = { name: 'plain', index: 'tuned', hybrid: null }

describe('variants', () => {
  test('without any there is the search as it is', () => {
    expect(parseVariants([])).toEqual([plain])
    expect(parseVariants(['plain'])).toEqual([plain])
  })

  test('have settings with blanks between them', () => {
    expect(parseVariants([' index=hnsw:80   hybrid=0.3 ', 'model=clip@fp32 index=ivfflat'])).toEqual([
      {
        name: 'index=hnsw:80 hybrid=0.3',
        index: { method: 'hnsw', effort: 80 },
        hybrid: { vectorWeight: 1, textWeight: 0.3 },
      },
      { name: 'model=clip@fp32 index=ivfflat', model: 'clip@fp32', index: { method: 'ivfflat' }, hybrid: null },
    ])
    expect(parseVariants(['hybrid=words'])[0]!.hybrid).toEqual({ vectorWeight: 0, textWeight: 1 })
    expect(parseVariants(['hybrid=0'])[0]!.hybrid).toBeNull()
  })

  test('multiply where a setting has several values', () => {
    expect(parseVariants(['plain', 'model=a,b hybrid=0.5,1']).map(({ name }) => name)).toEqual([
      'plain',
      'model=a hybrid=0.5',
      'model=a hybrid=1',
      'model=b hybrid=0.5',
      'model=b hybrid=1',
    ])
  })

  test.each([
    'hybrid',
    'hybrid=',
    'hybrid=1,',
    'hybrid=-1',
    'hybrid=much',
    'hybrid=1001',
    'hybrid=1e2',
    '=1',
    'index=hnsw:0',
    'index=hnsw:1001',
    'index=flat',
    'index=ivfflat:x',
    'colour=red',
    'hybrid=1 hybrid=2',
    'hybrid=1,1',
  ])('are refused with what was expected: %s', text => {
    expect(() => parseVariants([text])).toThrow(expect.objectContaining({ code: 'USAGE' }))
  })

  test('are at most forty', () => {
    const many = (count: number) => `hybrid=${Array.from({ length: count }, (_, i) => i).join(',')}`
    expect(parseVariants([many(40)])).toHaveLength(40)
    for (const texts of [[many(41)], [many(30), `index=exact ${many(30)}`]])
      expect(() => parseVariants(texts)).toThrow(/at most 40/)
  })
})
