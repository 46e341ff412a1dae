import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { PostgresRunRepository } from '../../src/db/ingest/run-repository.js'
import { PostgresLabelRepository } from '../../src/db/label-repository.js'
import { PostgresSearchRepository } from '../../src/db/search/search-repository.js'
import type { PhotoFailureCode } from '../../src/domain/errors.js'
import { AppError } from '../../src/domain/errors.js'
import { PHOTO_COLUMNS, type PhotoColumn } from '../../src/domain/photo.js'
import type { ModelId } from '../../src/domain/ports/repository.js'
import type { ColumnFilter, FilterOperator, LabelFilter } from '../../src/domain/ports/search.js'
import { parseWhere } from '../../src/domain/where/parse-where.js'
import { labelFilter } from '../../src/domain/where/written-filters.js'
import { aModel, aPhoto, embedPhotos } from '../db/factories.js'
import { serverKinds, type TestServer } from '../support/servers/postgres.js'

const MINUTE = 60_000
const RUNS = 150

/**
 * Each would, as part of a statement, take a number from the sequence `canary`, which no rollback gives back, or leave a
 * table behind, or be a syntax error.
 */
const PAYLOADS = [
  `'; select nextval('canary'); --`,
  `' || nextval('canary')::text || '`,
  `'||(select nextval('canary'))||'`,
  `x' or nextval('canary') > 0 or 'x' = '`,
  `1 or nextval('canary') > 0`,
  `1; create table attacked ()`,
  `nextval('canary')`,
  `(select nextval('canary'))`,
  `"; select nextval('canary'); --`,
  `" or nextval('canary') > 0 or "exif_iso`,
  `exif_iso = 1) or (nextval('canary') > 0`,
  `\\'; select nextval('canary'); --`,
  `$$; select nextval('canary'); $$`,
  `$1`,
  `$3 -> 0`,
  `%I`,
  `%s%L%1$s%%`,
  `/* */ nextval('canary') -- `,
  `'; rollback; drop table photos; --`,
  `'::regclass`,
  `ʼ; select nextval(ʼcanaryʼ); --`,
  `{"set": "x", "column": "y"}`,
  `{x,"y",NULL}`,
  `\u0000`,
  `\ud800`,
  `'`,
  `"`,
  `\\`,
  ``,
]

const hostile = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...PAYLOADS) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...PAYLOADS), fc.string()).map(parts => parts.join('')) },
)
/** Whether Postgres can hold a text as it is: no NUL in it, no half of a surrogate pair. */
const canBeStored = (text: string) => !/\0|\p{Surrogate}/u.test(text)
const storable = hostile.filter(canBeStored)
const anyJson = fc.oneof(
  hostile,
  fc.jsonValue({ maxDepth: 2 }),
  fc.integer(),
  fc.constantFrom(null, { toString: null }),
)
const column = fc.oneof(fc.constantFrom(...(Object.keys(PHOTO_COLUMNS) as PhotoColumn[])), hostile)
const operator = fc.oneof(fc.constantFrom('=', '!=', '<', '<=', '>', '>=', '~'), hostile)

/** Errors that are answers: our codes, and Postgres refusing a value (classes 22, 23), never a statement (class 42). */
const ANSWERS =
  /^(FILTER_INVALID|USAGE|NOT_FOUND|NOT_EMBEDDED|MODEL_INVALID|PROMPT_NOT_EMBEDDED|REFERENCES_MISSING|CUT_OFF_MISSING|22\w{3}|23\w{3})$/

async function answered<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    const { code } = (error instanceof AppError && error.code === 'DATABASE_FAILED' ? error.cause : error) as {
      code?: string
    }
    if (code === undefined || !ANSWERS.test(code)) throw error
    return null
  }
}

const kinds = serverKinds()
describe.each(kinds)('whatever is written into an argument, on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    const query = Float32Array.of(1, 0, 0)
    /** Photos whose texts are the attacks themselves. */
    const photos = PAYLOADS.filter(text => text !== '' && canBeStored(text)).map((text, i) =>
      aPhoto(`photo-${i}`, {
        photo_description: text,
        exif_camera_make: text,
        photographer_username: text,
        exif_iso: i,
      }),
    )
    let server: TestServer
    let database: Database
    let modelId: ModelId
    let ingest: PostgresIngestRepository
    let runs: PostgresRunRepository
    let labels: PostgresLabelRepository
    let search: PostgresSearchRepository
    let before: string

    beforeAll(async () => {
      server = await start()
      database = await server.freshDatabase()
      ingest = new PostgresIngestRepository(database)
      runs = new PostgresRunRepository(database)
      labels = new PostgresLabelRepository(database)
      search = new PostgresSearchRepository(database)
      modelId = await ingest.registerModel(aModel({ dimension: 3 }))
      const prompts = [Float32Array.of(1, 0, 0), Float32Array.of(0, 1, 0)]
      await labels.savePrompts(modelId, { name: 'side', template: '{label}', labels: ['left', 'right'] }, prompts)
      await embedPhotos(
        database,
        modelId,
        photos,
        photos.map((_, i) => Float32Array.of(1, i, 1)),
        ['side'],
      )
      await database.query('create sequence canary')
      before = await fingerprint()
    }, 4 * MINUTE)
    afterEach(async () => {
      expect(await database.query('select last_value, is_called from canary')).toEqual([
        { last_value: 1, is_called: false },
      ])
    })
    afterAll(() => server?.close())

    /** Everything there is: relations, functions, and every row of every table but those that a test may write. */
    async function fingerprint(): Promise<string> {
      const objects = await database.query(
        `select 'relation' as kind, relname::text as name from pg_class where relnamespace = 'public'::regnamespace
         union all select 'function', oid::regprocedure::text from pg_proc where pronamespace = 'public'::regnamespace
         order by 1, 2`,
      )
      const rows: unknown[] = []
      for (const { name } of objects.filter(({ kind, name }) => kind === 'relation' && TABLES.includes(name)))
        rows.push(await database.query(`select md5(string_agg(t::text, ',' order by t::text)) as rows from ${name} t`))
      return JSON.stringify([objects, rows])
    }

    const check = <T extends [unknown, ...unknown[]]>(property: fc.IAsyncProperty<T>, numRuns = RUNS): Promise<void> =>
      fc.assert(property, { numRuns })

    test('a filter gives the photos that it names or is refused', { timeout: 4 * MINUTE }, async () => {
      const filter = fc.record({ column, operator, value: anyJson })
      await check(
        fc.asyncProperty(fc.array(filter, { minLength: 1, maxLength: 3 }), async where => {
          await answered(search.search(modelId, query, { k: 5, where: where as ColumnFilter[] }))
        }),
      )
      await check(
        fc.asyncProperty(
          fc.constantFrom('photo_description', 'exif_camera_make', 'photographer_username' as const),
          fc.constantFrom<FilterOperator>('=', '!=', '~'),
          storable,
          async (column, operator, value) => {
            const where = [{ column: column as PhotoColumn, operator, value }]
            const hits = await search.search(modelId, query, { k: 100, where })
            const fits = (text: string) =>
              operator === '~'
                ? text.toLowerCase().includes(value.toLowerCase())
                : (text === value) === (operator === '=')
            const expected = photos.filter(photo => fits(photo.photo_description!)).map(photo => photo.photo_id)
            // Postgres folds the case of letters that JavaScript does not know, and the other way round.
            if (operator === '~' && /[^ -~]/.test(value)) return
            expect(hits.map(hit => hit.photoId).sort()).toEqual(expected.sort())
          },
        ),
      )
      expect(await fingerprint()).toBe(before)
    })

    test('a label filter is answered or refused', { timeout: 4 * MINUTE }, async () => {
      const filter = fc.record(
        {
          set: fc.oneof(hostile, fc.constant('side')),
          label: fc.oneof(hostile, fc.constant('left')),
          minScore: anyJson,
        },
        { requiredKeys: ['set', 'label'] },
      )
      await check(
        fc.asyncProperty(fc.array(filter, { minLength: 1, maxLength: 3 }), async wanted => {
          await answered(search.search(modelId, query, { k: 5, labels: wanted as LabelFilter[] }))
        }),
      )
      expect(await fingerprint()).toBe(before)
    })

    test('k, offset, model and photo id are answered or refused', { timeout: 4 * MINUTE }, async () => {
      await check(
        fc.asyncProperty(anyJson, anyJson, hostile, async (k, offset, id) => {
          const options = { k: k as number, offset: offset as number }
          await answered(search.search(modelId, query, options))
          await answered(search.search(id as unknown as number, query, { k: 1 }))
          expect(await answered(search.similar(modelId, id, { k: 1 }))).toBeNull()
          expect(await answered(search.photo(id))).toBeNull()
          expect(await answered(ingest.findModel(id))).toBeNull()
          expect(await answered(ingest.run(id))).toBeNull()
        }),
        60,
      )
      expect(await fingerprint()).toBe(before)
    })

    test('a label set is stored and read back as it is', { timeout: 4 * MINUTE }, async () => {
      const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/)
      const vectors = [query, Float32Array.of(0, 0, 1)]
      await check(
        fc.asyncProperty(name, storable, storable, storable, async (name, text, one, two) => {
          const set = { name, template: `${text}{label}`, labels: [one, two] }
          await answered(labels.savePrompts(modelId, { ...set, name: text }, vectors))
          await answered(labels.savePrompts(modelId, { ...set, template: text }, vectors))
          const isSaved = await answered(labels.savePrompts(modelId, set, vectors).then(() => true))
          // Labels without a word, and labels that a model reads as one, are refused.
          if (isSaved === null) return
          await labels.labelPhotos(modelId, name)
          expect(await labels.hasPrompts(modelId, set)).toBe(true)
          expect(await labels.labelSets(modelId)).toContainEqual(set)
          const counts = await labels.histogram(modelId, name)
          expect(counts.map(({ label }) => label)).toEqual([one, two])
          expect(counts.reduce((sum, { photos }) => sum + photos, 0)).toBe(photos.length)
          const sample = await labels.sample(modelId, name, 100, 7)
          expect(sample).toHaveLength(photos.length)
          const found = await search.search(modelId, query, { k: 100, labels: [{ set: name, label: one }] })
          expect(found).toHaveLength(counts[0]!.photos)
        }),
        40,
      )
      await check(
        fc.asyncProperty(hostile, anyJson, anyJson, async (name, size, seed) => {
          await answered(labels.labelPhotos(modelId, `unknown ${name}`))
          await answered(labels.labelProgress(modelId, name))
          await answered(labels.cancelChange(modelId, name))
          await answered(labels.sample(modelId, name, size as number, seed as number))
        }),
        60,
      )
    })

    test('a model, a run, a batch and its outcome are stored and read back as they are', {
      timeout: 4 * MINUTE,
    }, async () => {
      await check(
        fc.asyncProperty(storable, storable, storable, storable, async (name, id, text, photoId) => {
          const key = `${name}x`.replaceAll('@', '')
          const model = aModel({ name: key, precision: text || 'p', revision: id, dimension: 3 })
          const registered = (await answered(ingest.registerModel(model)))!
          await answered(
            ingest.createRun({
              id,
              modelId: registered,
              source: text,
              options: { [text]: text },
              labelSets: [],
            }),
          )
          expect(await ingest.run(id)).toMatchObject({ id })
          await ingest.upsertPhotos([aPhoto(photoId, { photo_description: text })])
          await ingest.addBatches([{ id: `batch ${id}`, runId: id, photoIds: [photoId] }])
          await ingest.recordOutcome({
            parentId: `batch ${id}`,
            modelId: registered,
            embedded: [{ photoId, embedding: query, storedKey: text }],
            failures: [],
            labelSets: [],
          })
          await ingest.recordOutcome({
            parentId: `batch ${id}`,
            modelId,
            embedded: [],
            failures: [{ photoId, code: text as PhotoFailureCode, message: text, attempts: 1 }],
            labelSets: [],
          })
          const found = (await search.photo(photoId))!
          expect(found.photo.photo_description ?? '').toBe(text)
          expect(found.states.find(state => state.modelId === registered)).toMatchObject({ storedKey: text })
          expect(found.states.find(state => state.modelId === modelId)?.failure).toMatchObject({
            code: text,
            message: text,
          })
          expect((await ingest.photoStates(modelId, [photoId])).failed).toEqual(new Set([photoId]))
          for await (const page of ingest.failedPhotos(modelId, text as PhotoFailureCode, 10))
            expect(page.map(photo => photo.id)).toEqual([photoId])
          await ingest.clearFailures(modelId, [photoId])
          await runs.setControl(id, 'paused')
          await runs.findRuns(id, 5)
          await runs.giveUp(`batch ${id}`, text, text)
          await runs.leave(text)
        }),
        40,
      )
    })

    test('no function of the schema makes a statement of it', { timeout: 6 * MINUTE }, async () => {
      const functions = await database.query<{ name: string; types: string[] }>(
        `select p.proname::text as name,
                array(select format_type(t, null) from unnest(p.proargtypes) with ordinality as a (t, n) order by n)::text[] as types
           from pg_proc p
          where p.pronamespace = 'public'::regnamespace and p.prokind = 'f' and p.prorettype <> 'trigger'::regtype
            and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
          order by 1`,
      )
      expect(functions.map(({ name }) => name)).toEqual(expect.arrayContaining(['search_photos', 'register_model']))
      const now = await fingerprint()
      const json = fc.oneof(
        anyJson,
        fc.array(fc.record({ column, operator, value: anyJson }), { maxLength: 2 }),
        fc.array(fc.dictionary(fc.constantFrom('set', 'label', 'min_score', 'id', 'run_id', 'photo_ids'), anyJson), {
          maxLength: 2,
        }),
      )
      const argument = (type: string): fc.Arbitrary<unknown> => {
        if (type === 'text') return hostile
        if (type === 'text[]') return fc.array(hostile, { maxLength: 2 })
        if (type === 'jsonb' || type === 'json') return json.map(value => JSON.stringify(value))
        if (type === 'vector') return fc.constant('[1,0,0]')
        if (type === 'boolean') return fc.boolean()
        if (type === 'regconfig') return fc.constant('simple')
        if (type.endsWith('[]')) return fc.constant([1])
        return fc.constantFrom(1, 1, 2, 0, -1)
      }
      for (const { name, types } of functions) {
        const sql = `select * from ${name}(${types.map((type, i) => `$${i + 1}::${type}`).join(', ')})`
        await check(
          fc.asyncProperty(fc.tuple(...types.map(argument)), async values => {
            const undo = new Error('undo')
            const work = database.transaction(async session => {
              await session.query(sql, values)
              throw undo
            })
            await work.catch(async error => {
              if (error !== undo) await answered(Promise.reject(error))
            })
          }) as unknown as fc.IAsyncProperty<[unknown]>,
          25,
        )
      }
      expect(await fingerprint()).toBe(now)
    })
  })
})

describe('a condition on the command line', () => {
  test('is one of the known columns and operators, with the value as it stands, or refused', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          hostile,
          fc.tuple(column, operator, hostile).map(parts => parts.join('')),
        ),
        text => {
          for (const parse of [parseWhere, (text: string) => labelFilter(text, '--label')])
            try {
              for (const filter of [parse(text)].flat())
                if ('column' in filter) {
                  expect(Object.keys(PHOTO_COLUMNS)).toContain(filter.column)
                  expect(['=', '!=', '<', '<=', '>', '>=', '~', 'in', 'is null', 'is not null']).toContain(
                    filter.operator,
                  )
                  if ('value' in filter)
                    for (const value of [filter.value].flat())
                      if (PHOTO_COLUMNS[filter.column] === 'text') expect(text).toContain(value)
                } else expect(filter.set).toMatch(/^[a-z][a-z0-9_]*$/)
            } catch (error) {
              if (!(error instanceof AppError)) throw error
              expect(error.code).toMatch(/^(USAGE|FILTER_INVALID)$/)
            }
        },
      ),
    )
  })
})

/** Of which no test of this file changes a row, but inside its own data. */
const TABLES = [
  'photos',
  'models',
  'embeddings',
  'failures',
  'label_sets',
  'label_prompts',
  'photo_labels',
  'runs',
  'batches',
]
