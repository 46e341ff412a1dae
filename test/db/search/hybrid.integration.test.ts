import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresSearchRepository } from '../../../src/db/search/search-repository.js'
import type { Photo } from '../../../src/domain/photo.js'
import type { HybridHit, HybridOptions } from '../../../src/domain/ports/hybrid.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import type { Filter } from '../../../src/domain/ports/search.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { aModel, aPhoto, embedPhotos, randomNumbers } from '../factories.js'

/** Words of one form each, so that the oracle needs no stemmer; none is a stop word. */
const WORDS = ['dog', 'snow', 'beach', 'lamp', 'tent', 'boat', 'red', 'zebra']
const PHOTOS = 90
/** Photos without an embedding. */
const UNSEEN = 70
const QUERY = Float32Array.of(1, 2, -1)

interface Entry {
  photo: Photo
  vector: Float32Array
  keywords: string[]
  /** All its words, wherever they stand. */
  words: Set<string>
}

/** Few directions and few words: equal scores are the rule in both lists. */
function aCollection(): Entry[] {
  const random = randomNumbers(5)
  const pick = <T>(values: readonly T[]): T => values[Math.floor((random() + 0.5) * values.length)]!
  const some = (most: number): string[] =>
    Array.from({ length: Math.floor((random() + 0.5) * (most + 1)) }, () => pick(WORDS))
  return Array.from({ length: PHOTOS }, (_, i) => {
    const parts = { photo_description: some(3), ai_description: some(2), photo_location_name: some(1) }
    const keywords = [...new Set(some(3))]
    const text = (words: string[]): string | null => (words.length === 0 ? null : words.join(' '))
    const vector = Float32Array.from([pick([-1, 0, 1, 2]), pick([-1, 0, 1, 2]), pick([1, 2])])
    return {
      photo: aPhoto(`${pick(['a', 'B', '_', '-'])}${i}`, {
        photo_description: text(parts.photo_description),
        ai_description: text(parts.ai_description),
        photo_location_name: text(parts.photo_location_name),
        exif_iso: pick([100, 400, null]),
      }),
      vector,
      keywords,
      words: new Set([...Object.values(parts).flat(), ...keywords]),
    }
  })
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
const KEYWORDS = `
  insert into photo_keywords (photo_id, keyword, suggested_by_user) select * from unnest($1::text[], $2::text[], $3::boolean[])`

const kinds = serverKinds()
describe.each(kinds)('search by meaning and words on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    const collection = aCollection()
    let server: TestServer
    let database: Database
    let search: PostgresSearchRepository
    let modelId: ModelId

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      search = new PostgresSearchRepository(database)
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: 3 }))
      // Keywords of the first half come before the photos, of the second half after them, and of one that is in no table.
      const rows = collection.flatMap(({ photo, keywords }) => keywords.map(keyword => [photo.photo_id, keyword]))
      const load = (part: string[][]) =>
        database.query(KEYWORDS, [part.map(row => row[0]), part.map(row => row[1]), part.map((_, i) => i % 2 === 0)])
      await load([...rows.slice(0, rows.length / 2), ['not-selected', 'dog']])
      await embedPhotos(
        database,
        modelId,
        collection.map(({ photo }) => photo),
        collection.map(({ vector }) => vector),
      )
      await load(rows.slice(rows.length / 2))
      // Better than all others by their words, and without an embedding: more than twice the least depth.
      await database.query(
        `insert into photos (photo_id, photo_image_url, photo_description)
         select 'unseen-' || i, 'https://images.example/' || i, $1 from generate_series(1, $2::int) i`,
        [[...WORDS, ...WORDS, ...WORDS].join(' '), UNSEEN],
      )
    })
    afterAll(() => server?.close())

    /** Ranks that equals share, of what comes by falling score. */
    function ranked(list: { id: string; score: number }[]): Map<string, { rank: number; score: number }> {
      const ranks = new Map<string, { rank: number; score: number }>()
      for (const { id, score } of list)
        ranks.set(id, { rank: 1 + list.filter(other => other.score > score).length, score })
      return ranks
    }

    /** Reciprocal rank fusion, written anew: the vector list as `search` has it, the text list of those that hold the words. */
    async function expected(words: string[], options: HybridOptions & { where?: Filter[] }) {
      const { k, offset = 0, vectorWeight = 1, textWeight = 1, rrfK = 60, depth = 200, where = [], minScore } = options
      const near =
        vectorWeight === 0 ? [] : await search.search(modelId, QUERY, { k: depth, where, minScore, kind: 'text' })
      const byVector = ranked(near.map(hit => ({ id: hit.photoId, score: hit.score })))
      const passing = await search.search(modelId, QUERY, { k: PHOTOS, where })
      const scores = new Map(
        (
          await database.query<{ photo_id: string; score: number }>(
            'select photo_id, ts_rank(words, text_query($1)) as score from photo_texts',
            [words.join(' ')],
          )
        ).map(row => [row.photo_id, row.score]),
      )
      const fitting = collection
        .filter(entry => passing.some(hit => hit.photoId === entry.photo.photo_id))
        .filter(entry => words.length > 0 && words.every(word => entry.words.has(word)))
        .map(({ photo }) => ({ id: photo.photo_id, score: scores.get(photo.photo_id)! }))
      const all = ranked(fitting)
      const byText = new Map(textWeight === 0 ? [] : [...all].filter(([, { rank }]) => rank <= depth))
      return [...new Set([...byVector.keys(), ...byText.keys()])]
        .map(id => {
          const [v, t] = [byVector.get(id), byText.get(id)]
          return {
            id,
            score: (v ? vectorWeight / (rrfK + v.rank) : 0) + (t ? textWeight / (rrfK + t.rank) : 0),
            ranks: [v?.rank ?? null, v?.score ?? null, t?.rank ?? null, t?.score ?? null],
          }
        })
        .sort((a, b) => b.score - a.score || byBytes(a.id, b.id))
        .slice(offset, offset + k)
    }

    const shown = (hits: HybridHit[]) =>
      hits.map(hit => ({
        id: hit.photoId,
        score: hit.score,
        ranks: [hit.vectorRank, hit.vectorScore, hit.textRank, hit.textScore],
      }))

    const options = fc.record(
      {
        k: fc.integer({ min: 1, max: 20 }),
        offset: fc.constantFrom(0, 3, 12),
        vectorWeight: fc.constantFrom(1, 0.3, 0),
        textWeight: fc.constantFrom(1, 2, 0.1),
        rrfK: fc.constantFrom(60, 0, 7),
        depth: fc.constantFrom(200, 32),
        minScore: fc.constantFrom(-1, 0.2, 0.99),
        where: fc.subarray<Filter>([
          { column: 'exif_iso', operator: '=', value: '400' },
          { photos: collection.slice(0, 60).map(({ photo }) => photo.photo_id) },
          { keyword: 'dog' },
        ]),
      },
      { requiredKeys: ['k'] },
    )

    test('finds what fusing both lists in TypeScript finds, whatever the words, weights and conditions', async () => {
      await fc.assert(
        fc.asyncProperty(fc.subarray(WORDS, { maxLength: 3 }), options, async (words, given) => {
          const hits = await search.hybrid(modelId, words.join(' '), QUERY, given)
          expect(shown(hits)).toEqual(await expected(words, given))
        }),
        { numRuns: 60 },
      )
    })

    test('gives pages that together are the whole result', async () => {
      const all = await search.hybrid(modelId, 'dog', QUERY, { k: 90 })
      const pages = []
      for (let offset = 0; offset < 90; offset += 18)
        pages.push(...(await search.hybrid(modelId, 'dog', QUERY, { k: 18, offset })))
      expect(pages).toEqual(all)
      expect(all).toHaveLength(PHOTOS)
    })

    test('knows other forms of a word, phrases, alternatives and exclusions', async () => {
      const ids = async (prompt: string) =>
        (await search.hybrid(modelId, prompt, null, { k: 90, vectorWeight: 0 })).map(hit => hit.photoId).sort()
      const holding = (fits: (words: Set<string>) => boolean) =>
        collection
          .filter(({ words }) => fits(words))
          .map(({ photo }) => photo.photo_id)
          .sort()
      expect(await ids('the dogs')).toEqual(holding(words => words.has('dog')))
      expect(await ids('dog or zebra')).toEqual(holding(words => words.has('dog') || words.has('zebra')))
      expect(await ids('beach -red')).toEqual(holding(words => words.has('beach') && !words.has('red')))
      const phrase = collection.filter(({ photo }) =>
        [photo.photo_description, photo.ai_description].some(text => /\bdog snow\b/.test(text ?? '')),
      )
      expect(await ids('"dog snow"')).toEqual(expect.arrayContaining(phrase.map(({ photo }) => photo.photo_id)))
    })

    test.each([
      ['stop words alone', 'the of and'],
      ['nothing', ''],
      ['words of no photo', 'aardvark'],
      ['exclusions alone', '-dog'],
      ['no letters', "!&|():*<-> \\ '"],
    ])('answers %s by the vectors alone', async (_, prompt) => {
      const hits = await search.hybrid(modelId, prompt, QUERY, { k: 20 })
      const near = await search.search(modelId, QUERY, { k: PHOTOS })
      expect(new Set(hits.map(hit => hit.textRank))).toEqual(new Set([null]))
      expect(hits.map(hit => hit.vectorScore)).toEqual(near.slice(0, 20).map(hit => hit.score))
    })

    test('gives a hit what every hit has', async () => {
      const [hit] = await search.hybrid(modelId, 'dog', QUERY, { k: 1 })
      const { photo } = collection.find(entry => entry.photo.photo_id === hit!.photoId)!
      expect(hit).toMatchObject({ photo, labels: {}, storedKey: null })
    })

    test.each<[string, Partial<HybridOptions>, string, RegExp]>([
      ['no room for the page', { k: 10, offset: 195 }, 'USAGE', /depth must be at least k \+ skip = 205/],
      ['two weights of 0', { vectorWeight: 0, textWeight: 0 }, 'USAGE', /one of them above, found 0 and 0/],
      ['a negative weight', { textWeight: -1 }, 'USAGE', /numbers from 0/],
      ['no number as weight', { vectorWeight: Number.NaN }, 'USAGE', /vectorWeight must be a number/],
      ['a negative rrfK', { rrfK: -1 }, 'USAGE', /rrf_k must be a whole number from 0, found -1/],
      ['half a hit', { k: 1.5 }, 'USAGE', /k must be a whole number/],
      [
        'a condition that makes no sense',
        { where: [{ keyword: 7 as unknown as string }] },
        'FILTER_INVALID',
        /keyword/,
      ],
    ])('refuses %s', async (_, given, code, message) => {
      const refused = search.hybrid(modelId, 'dog', QUERY, { k: 10, ...given })
      await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
    })

    test('says which prompt has no vector, unless words alone are asked for', async () => {
      await expect(search.hybrid(modelId, 'dog', null, { k: 1 })).rejects.toMatchObject({ code: 'PROMPT_NOT_EMBEDDED' })
      expect(await search.hybrid(modelId, 'dog', null, { k: 1, vectorWeight: 0 })).toHaveLength(1)
    })

    test('refuses more words than a prompt may have', async () => {
      await expect(search.hybrid(modelId, 'x'.repeat(3000), QUERY, { k: 1 })).rejects.toMatchObject({ code: 'USAGE' })
    })

    test('takes hostile words for words', async () => {
      for (const prompt of [`'; drop table photos; --`, `dog' | 'snow`, `$1 %s %I`, `dog\u0000`, `\\`, `a & b ! (`])
        await search.hybrid(modelId, prompt, QUERY, { k: 3 })
      expect(await database.query('select count(*) as photos from photos')).toEqual([{ photos: PHOTOS + UNSEEN }])
    })

    test('uses the index for the words', async () => {
      await database.transaction(async session => {
        await session.query('set local enable_seqscan = off')
        const [row] = await session.query<{ 'QUERY PLAN': unknown }>(
          `explain (format json) select photo_id from photo_texts t where t.words @@ text_query('dog snow')`,
        )
        expect(JSON.stringify(row!['QUERY PLAN'])).toContain('"photo_texts_words"')
      })
    })

    test('the words of some photos are written without a look at all, by a plan for any ids too', async () => {
      const undone = new Error('undone')
      const written = database.transaction(async session => {
        const rowsRead = async () => {
          const [row] = await session.query<{ seq_tup_read: string }>(
            `select seq_tup_read from pg_stat_xact_user_tables where relname = 'photo_texts'`,
          )
          return Number(row!.seq_tup_read)
        }
        await session.query('set local plan_cache_mode = force_generic_plan')
        await session.query(
          `insert into photos (photo_id, photo_image_url, photo_description)
           select 'many-' || i, 'https://images.example/' || i, 'a red boat' from generate_series(1, 3000) as i`,
        )
        await session.query('analyze photo_texts')
        const before = await rowsRead()
        await session.query(`update photos set photo_description = 'a zebra' where photo_id in ('many-1', 'many-2')`)
        expect((await rowsRead()) - before).toBe(0)
        const found = await session.query(
          `select photo_id from photo_texts where words @@ text_query('zebra') and photo_id like 'many-%'`,
        )
        expect(found).toHaveLength(2)
        throw undone
      })
      await expect(written).rejects.toBe(undone)
    })
  })
})
