import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PostgresKeyRepository } from '../../src/db/key-repository.js'
import { PostgresLabelRepository } from '../../src/db/label-repository.js'
import { newApiKey, type Scope } from '../../src/domain/api-key.js'
import type { FolderStore } from '../../src/storage/folder-store.js'
import { type Fresh, freshDatabases } from '../db/fresh-databases.js'
import { NIGHT, SNOW } from '../search/support.js'
import { serverKinds } from '../support/servers/postgres.js'
import { plantPhotos, removeStore, SET, startApi, type TestApi } from './support.js'

interface Sample {
  photo_id: string
  label: string
  score: number
  copy: string | null
  description: string | null
  mark: boolean | null
}
interface Reviewed {
  histogram: { label: string; photos: number; precision: object | null }[]
  sample: Sample[]
}
interface Answer {
  code: string
  ignored: object[]
  precisions: { label: string; precision: object | null }[]
}

describe.each(serverKinds())('marks of labels on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    const fresh = freshDatabases(start)
    let made: Fresh
    let store: FolderStore | undefined
    let api: TestApi

    beforeAll(async () => {
      made = await fresh()
      store = await plantPhotos(made.database, made.modelId)
      api = await startApi(made.database, store)
    })
    afterAll(async () => {
      await api?.close()
      removeStore(store)
    })

    const put = async (body: unknown, { set = 'time', headers = {}, to = api } = {}) => {
      const response = await to.get(`/label-sets/${set}/marks`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })
      return { status: response.status, body: (await response.json()) as Answer }
    }
    const mark = async (...marks: object[]) => {
      const { status, body } = await put({ marks })
      expect([status, body.code]).toEqual([200, undefined])
      return body
    }
    const review = async (query = '') => (await api.read(`/label-sets/time?sample=10${query}`)) as unknown as Reviewed
    const precisions = async () => Object.fromEntries((await review()).histogram.map(it => [it.label, it.precision]))
    const samples = async (label: string) => (await review()).sample.filter(photo => photo.label === label)

    test('PUT /api/v1/label-sets/{name}/marks stores what people say, and yields the precision of each label', async () => {
      expect(await precisions()).toEqual({ 'at night': null, snow: null })
      const photos = await samples('at night')
      expect(photos.length).toBeGreaterThan(1)
      for (const photo of photos)
        expect(photo).toMatchObject({
          mark: null,
          copy: `/api/v1/copies/h512-q65/${photo.photo_id}.jpg`,
          description: photo.photo_id.replaceAll('-', ' '),
        })
      const [first, second] = photos.map(({ photo_id }) => ({ photo_id, label: 'at night' }))
      const marked = await mark({ ...first, correct: true }, { ...second, correct: false })
      const half = {
        checked: 2,
        correct: 1,
        precision: 0.5,
        low: expect.closeTo(0.0945, 4),
        high: expect.closeTo(0.9055, 4),
      }
      expect(marked).toMatchObject({
        ignored: [],
        precisions: [
          { label: 'at night', precision: half },
          { label: 'snow', precision: null },
        ],
      })
      expect((await samples('at night')).map(photo => photo.mark).slice(0, 2)).toEqual([true, false])
      await mark({ ...second, correct: true })
      expect(await precisions()).toMatchObject({ 'at night': { checked: 2, correct: 2, high: 1 } })
      await mark({ ...first, correct: null }, { ...second, correct: null })
      expect(await precisions()).toEqual({ 'at night': null, snow: null })
    })

    test('a mark of a photo that does not have the label is left out and named; of two the last counts', async () => {
      const [{ photo_id }] = (await samples('snow')) as [Sample]
      const wrong = { photo_id, label: 'at night', correct: true }
      const unknown = { photo_id: 'nobody', label: 'snow', correct: true }
      const right = { photo_id, label: 'snow', correct: true }
      const { ignored } = await mark(wrong, unknown, { ...right, correct: false }, right)
      expect(ignored).toEqual([wrong, unknown].map(({ photo_id, label }) => ({ photo_id, label })))
      expect(await precisions()).toMatchObject({ 'at night': null, snow: { checked: 1, correct: 1 } })
      await mark({ ...right, correct: null })
    })

    test('doubtful photos come by rising margin until they are marked, and measure nothing', async () => {
      const doubtful = async () => (await review('&order=doubtful')).sample.filter(photo => photo.label === 'at night')
      const before = await doubtful()
      const scores = before.map(photo => photo.score)
      expect(scores).toEqual([...scores].sort((a, b) => a - b))
      const [{ photo_id }] = before as [Sample]
      const one = { photo_id, label: 'at night', correct: false }
      await mark({ ...one, at_random: false })
      expect(await doubtful()).toEqual(before.slice(1))
      expect(await precisions()).toEqual({ 'at night': null, snow: null })
      // The same photo in a random sample counts from then on.
      await mark(one)
      await mark({ ...one, at_random: false })
      expect(await precisions()).toMatchObject({ 'at night': { checked: 1, correct: 0, low: 0 } })
    })

    test('typical photos come by falling score', async () => {
      const { sample } = await review('&order=typical')
      const scores = sample.filter(({ label }) => label === 'snow').map(photo => photo.score)
      expect(scores.length).toBeGreaterThan(1)
      expect(scores).toEqual([...scores].sort((a, b) => b - a))
    })

    test('the most doubtful photo is the one whose next label is nearest, whatever its score', async () => {
      const setScores = (photoId: string, scores: number[]) =>
        made.database.query('update label_rows set score = $2, scores = $3 where photo_id = $1', [
          photoId,
          scores[0],
          scores,
        ])
      // Those of a sigmoid model do not add up to 1.
      await setScores('night', [0.9, 0.85])
      await setScores('dog-at-night', [0.5, 0.2])
      const { sample } = await review('&order=doubtful')
      const ids = sample.filter(({ label }) => label === 'at night').map(photo => photo.photo_id)
      expect(ids.indexOf('night')).toBeLessThan(ids.indexOf('dog-at-night'))
    })

    test('a changed definition of the set starts from none', async () => {
      const [{ photo_id }] = (await samples('snow')) as [Sample]
      await mark({ photo_id, label: 'snow', correct: true })
      const labels = new PostgresLabelRepository(made.database)
      await labels.savePrompts(made.modelId, { ...SET, template: 'a photo of {label}' }, [NIGHT, SNOW])
      await labels.labelPhotos(made.modelId, SET.name)
      expect(await precisions()).toEqual({ 'at night': null, snow: null })
      expect((await samples('snow')).map(photo => photo.mark)).not.toContain(true)
      await mark({ photo_id, label: 'snow', correct: true })
      expect(await precisions()).toMatchObject({ snow: { checked: 1 } })
    })

    test('a removed photo takes its marks along', async () => {
      const [{ photo_id }] = (await samples('snow')) as [Sample]
      await mark({ photo_id, label: 'snow', correct: true })
      expect((await api.get(`/photos/${photo_id}`, { method: 'DELETE' })).status).toBe(200)
      const [left] = await made.database.query<{ marks: number }>(
        'select count(*)::integer as marks from label_marks where photo_id = $1',
        [photo_id],
      )
      expect(left).toEqual({ marks: 0 })
    })

    test('refuses marks that it cannot read, and unknown sets', async () => {
      const one = { photo_id: 'night', label: 'at night', correct: true }
      for (const marks of [
        [],
        [{ ...one, correct: 'yes' }],
        [{ ...one, label: 'a\0b' }],
        [{ ...one, photo_id: 'a b' }],
      ])
        expect((await put({ marks })).status).toBe(400)
      expect((await put({ marks: Array.from({ length: 1001 }, () => one) })).status).toBe(400)
      expect(await put({ marks: [one] }, { set: 'unknown' })).toMatchObject({
        status: 404,
        body: { code: 'NOT_FOUND' },
      })
      expect((await api.get('/label-sets/time?order=other')).status).toBe(400)
    })

    test('marking needs the scope ingest, and no page of another origin can do it', async () => {
      const keys = new PostgresKeyRepository(made.database)
      const keyed = await startApi(made.database, store!, { options: { anonymous: 'read' } })
      try {
        const marks = [{ photo_id: 'night', label: 'at night', correct: true }]
        const status = async (scope: Scope | null) => {
          const { id, key, digest } = newApiKey()
          if (scope) await keys.create({ id, name: id, scope, digest, expiresAt: null })
          return (await put({ marks }, { headers: scope ? { 'x-api-key': key } : {}, to: keyed })).status
        }
        expect([await status(null), await status('read'), await status('ingest')]).toEqual([401, 403, 200])
        expect((await put({ marks }, { headers: { origin: 'https://evil.example' } })).status).toBe(403)
        expect((await put({ marks }, { headers: { 'content-type': 'text/plain' } })).status).toBe(415)
      } finally {
        await keyed.close()
      }
    })
  })
})
