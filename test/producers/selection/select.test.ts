import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { barePhoto, type Photo } from '../../../src/domain/photo.js'
import { parseWhere } from '../../../src/domain/where/parse-where.js'
import type { SourceRow } from '../../../src/producers/input/source.js'
import { IdSet } from '../../../src/producers/selection/id-set.js'
import { type Selection, select } from '../../../src/producers/selection/select.js'

function photo(id: string, values: Partial<Photo> = {}): Photo {
  return { ...barePhoto(id, `https://example.com/${id}.jpg`), ...values }
}

async function choose(photos: readonly Photo[], selection: Selection): Promise<{ ids: string[]; read: SourceRow[] }> {
  const read: SourceRow[] = []
  async function* rows() {
    for (const [i, photo] of photos.entries()) yield { line: i + 2, part: 'photos.tsv000', photo }
  }
  const ids: string[] = []
  for await (const row of select(rows(), selection, row => read.push(row))) ids.push(row.photo.photo_id)
  return { ids, read }
}

const HUNDRED = Array.from({ length: 100 }, (_, i) => photo(`photo${i}`))

describe('select', () => {
  test('passes on everything in order when nothing is asked for', async () => {
    expect((await choose(HUNDRED, {})).ids).toEqual(HUNDRED.map(photo => photo.photo_id))
  })

  test('reports the second row of an id as a bad row, also far away from the first', async () => {
    const { ids, read } = await choose([...HUNDRED, photo('photo7')], {})
    expect(ids).toHaveLength(100)
    expect(read.at(-1)).toEqual({
      line: 102,
      part: 'photos.tsv000',
      problem: { code: 'DUPLICATE_ID', found: 'photo7' },
    })
  })

  test('takes the same sample whatever the order of the rows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(HUNDRED, { minLength: HUNDRED.length }),
        fc.integer({ min: 0, max: 120 }),
        fc.integer(),
        async (shuffled, sample, seed) => {
          const { ids } = await choose(shuffled, { sample, seed })
          expect(ids).toEqual((await choose(HUNDRED, { sample, seed })).ids)
          expect(new Set(ids).size).toBe(Math.min(sample, 100))
        },
      ),
      { numRuns: 30 },
    )
  })

  test('takes another sample for another seed, and a smaller one from the beginning of a larger one', async () => {
    const ten = (await choose(HUNDRED, { sample: 10, seed: 1 })).ids
    expect((await choose(HUNDRED, { sample: 10, seed: 2 })).ids).not.toEqual(ten)
    expect((await choose(HUNDRED, { sample: 50, seed: 1 })).ids.slice(0, 10)).toEqual(ten)
    expect((await choose(HUNDRED, { sample: 50, seed: 1, limit: 10 })).ids).toEqual(ten)
  })

  test('samples every photo equally often', async () => {
    const taken = new Map<string, number>()
    for (let seed = 0; seed < 400; seed++)
      for (const id of (await choose(HUNDRED, { sample: 25, seed })).ids) taken.set(id, (taken.get(id) ?? 0) + 1)
    // 400 draws with p = 0.25: mean 100, standard deviation 8.7; five of them either side.
    for (const { photo_id } of HUNDRED) expect(Math.abs((taken.get(photo_id) ?? 0) - 100)).toBeLessThan(44)
  })

  test('stops reading at the limit', async () => {
    const { ids, read } = await choose(HUNDRED, { limit: 5 })
    expect([ids.length, read.length]).toEqual([5, 5])
    expect((await choose(HUNDRED, { limit: 0 })).ids).toEqual([])
  })

  test('samples among the photos that meet the conditions', async () => {
    const photos = HUNDRED.map((photo, i) => ({ ...photo, photo_featured: i % 4 === 0 }))
    const { ids } = await choose(photos, { where: parseWhere('photo_featured=t'), sample: 50 })
    expect(ids).toHaveLength(25)
  })
})

describe('a condition', () => {
  const PHOTOS = [
    photo('a', { photo_location_country: 'Japan', exif_iso: 400, photo_submitted_at: '2014-09-29 00:08:38.5' }),
    photo('b', { photo_location_country: 'japan', exif_iso: 40, photo_featured: true, photo_aspect_ratio: 1.5 }),
    photo('c', { photo_description: 'a=b' }),
  ]

  for (const [text, expected] of [
    ['photo_location_country=Japan', ['a']],
    ['photo_location_country=', ['c']],
    ['exif_iso=400.0', ['a']],
    ['photo_featured=true', ['b']],
    ['photo_aspect_ratio=1.50', ['b']],
    ['photo_submitted_at=2014-09', ['a']],
    ['photo_description=a=b', ['c']],
    ['photo_id=b', ['b']],
    ['photo_id!=b', ['a', 'c']],
    ['exif_iso>=400', ['a']],
    ['exif_iso<100', ['b']],
    ['exif_iso in 40|400', ['a', 'b']],
    ['exif_iso is null', ['c']],
    ['photo_location_country~JAP', ['a', 'b']],
    ['photo_location_country>Z', ['b']],
    ['photo_submitted_at>2014-09-29 00:08', ['a']],
    ['photo_submitted_at<2014-09-30', ['a']],
    ['photo_submitted_at>2014', []],
  ] as const)
    test(`${text} is met by ${expected.join(' ') || 'none'}`, async () => {
      expect((await choose(PHOTOS, { where: parseWhere(text) })).ids).toEqual(expected)
    })

  test('is refused when the column is unknown, the value of another type, or the operator is missing', () => {
    expect(() => parseWhere('country=Japan')).toThrow(/no column "country". Columns: photo_id, /)
    for (const text of ['country=Japan', 'exif_iso=many', 'photo_featured=perhaps', 'photo_id', '=x'])
      expect(() => parseWhere(text)).toThrow(expect.objectContaining({ code: 'FILTER_INVALID' }))
  })
})

describe('IdSet', () => {
  test('knows ids again through its growth, like a set of strings', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 3 }), { maxLength: 300 }), ids => {
        const compact = new IdSet(2)
        const plain = new Set<string>()
        for (const id of ids) {
          expect(compact.add(id)).toBe(!plain.has(id))
          plain.add(id)
        }
        expect(compact.size).toBe(plain.size)
      }),
    )
  })

  test('takes 200,000 ids without a false duplicate', () => {
    const ids = new IdSet()
    for (let i = 0; i < 200_000; i++) ids.add(`photo${i}`)
    expect(ids.size).toBe(200_000)
  })
})
