import sharp from 'sharp'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../src/db/connection.js'
import { PostgresIngestRepository } from '../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../src/db/label-repository.js'
import { AppError } from '../../src/domain/errors.js'
import type { ModelId } from '../../src/domain/ports/repository.js'
import type { Hit } from '../../src/domain/ports/search.js'
import { PhotoSearch } from '../../src/search/photo-search.js'
import type { SearchModel } from '../../src/search/search-model.js'
import { aModel, aPhoto, embedPhotos } from '../db/factories.js'
import { freshDatabases } from '../db/fresh-databases.js'
import { storedPrompts } from '../db/stored-prompts.js'
import { serverKinds } from '../support/servers/postgres.js'
import { DOG, NIGHT, SNOW, type TinyInstallation, tinyInstallation } from './support.js'

const SIGNAL = new AbortController().signal
const PHOTOS = {
  night: NIGHT,
  dog: DOG,
  'dog-at-night': Float32Array.of(Math.SQRT1_2, Math.SQRT1_2, 0, 0),
  snow: SNOW,
  'dog-in-snow': Float32Array.of(0, Math.SQRT1_2, Math.SQRT1_2, 0),
}
const SET = { name: 'time', template: '{label}', labels: ['at night', 'snow'] }

describe.each(serverKinds())('the query module on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    const fresh = freshDatabases(start)
    let database: Database
    let modelId: ModelId
    let tiny: TinyInstallation
    let search: PhotoSearch
    let model: SearchModel

    beforeAll(async () => {
      const made = await fresh()
      ;({ database, modelId } = made)
      await made.ingest.createRun({ id: 'run-1', modelId, source: 'photos.tsv', options: {} })
      await new PostgresLabelRepository(database).savePrompts(modelId, SET, [NIGHT, SNOW])
      const photos = Object.keys(PHOTOS).map((id, i) => aPhoto(id, { exif_iso: 100 * i, photo_description: id }))
      await embedPhotos(database, modelId, photos, Object.values(PHOTOS), [SET.name])
    })
    beforeEach(async () => {
      await database.query('delete from prompt_embeddings')
      tiny = tinyInstallation(database)
      search = new PhotoSearch(tiny.parts)
      model = await search.model()
    })

    const ids = (hits: readonly Hit[]) => hits.map(hit => hit.photoId)
    const nearest = (query: Parameters<PhotoSearch['nearest']>[1], k = 3) => search.nearest(model, query, { k }, SIGNAL)
    const png = async (color: { r: number; g: number; b: number }) => ({
      name: 'query.png',
      bytes: await sharp({ create: { width: 4, height: 4, channels: 3, background: color } })
        .png()
        .toBuffer(),
    })

    test('answers with the same hits whether words are stored or new, and embeds only new ones', async () => {
      const before = await nearest({ words: 'a dog' }, 5)
      expect(ids(before).slice(0, 3)).toEqual(['dog', 'dog-at-night', 'dog-in-snow'])
      expect(tiny.encoder.texts).toEqual(['a dog'])
      expect(await storedPrompts(database, modelId, ['a dog'])).toEqual([null])
      expect(await search.addPrompts(model, ['a dog'], SIGNAL)[Symbol.asyncIterator]().next()).toEqual({
        done: false,
        value: [{ prompt: 'a dog', added: true }],
      })
      tiny.encoder.texts.length = 0
      expect(await nearest({ words: ' a  dog ' }, 5)).toEqual(before)
      expect(tiny.encoder.texts).toEqual([])
    })

    test('searches with words that were embedded for a label', async () => {
      expect(ids(await nearest({ words: 'snow' }, 2))).toEqual(['snow', 'dog-in-snow'])
      expect(tiny.encoder.texts).toEqual([])
    })

    test('searches with the bytes of an image', async () => {
      expect(ids(await nearest({ image: await png({ r: 0, g: 200, b: 0 }) }, 1))).toEqual(['dog'])
      await expect(nearest({ image: { name: 'broken.jpg', bytes: Buffer.from('no image') } })).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        message: expect.stringContaining('broken.jpg: '),
      })
    })

    test('searches with a photo of the collection, which is no hit itself', async () => {
      expect(ids(await nearest({ photo: 'dog' }, 2))).toEqual(['dog-at-night', 'dog-in-snow'])
      await expect(nearest({ photo: 'nowhere' })).rejects.toMatchObject({ code: 'NOT_EMBEDDED' })
    })

    test('combines words, photos and images by their weights, and stores the words', async () => {
      const parts = [
        { photo: 'dog-at-night', weight: 1 },
        { words: 'at night', weight: -1 },
        { words: 'not stored', weight: 0.01 },
      ]
      const first = await nearest({ parts })
      expect(ids(first)[0]).toBe('dog')
      expect(ids(first)).not.toContain('dog-at-night')
      expect(tiny.encoder.texts).toEqual(['not stored'])
      expect(await nearest({ parts })).toEqual(first)
      expect(tiny.encoder.texts).toEqual(['not stored'])
      const image = await png({ r: 0, g: 200, b: 0 })
      expect(
        ids(
          await nearest(
            {
              parts: [
                { image, weight: 1 },
                { words: 'snow', weight: 1 },
              ],
            },
            1,
          ),
        ),
      ).toEqual(['dog-in-snow'])
    })

    test('combines words for a user who may not store them, with the same hits', async () => {
      const parts = [
        { photo: 'night', weight: 1 },
        { words: 'a dog', weight: 4 },
      ]
      const { prompts } = tiny.parts.repositories
      const refused = new AppError('DATABASE_FORBIDDEN', 'may not write')
      const readOnly = {
        ...tiny.parts,
        repositories: {
          ...tiny.parts.repositories,
          prompts: {
            areStored: prompts.areStored.bind(prompts),
            list: prompts.list.bind(prompts),
            remove: prompts.remove.bind(prompts),
            save: () => Promise.reject(refused),
          },
        },
      }
      const found = await new PhotoSearch(readOnly).nearest(model, { parts }, { k: 4 }, SIGNAL)
      expect(await storedPrompts(database, modelId, ['a dog'])).toEqual([null])
      expect(await nearest({ parts }, 4)).toEqual(found)
    })

    test('fuses meaning with the words themselves', async () => {
      const hits = await search.hybrid(model, 'dog', { k: 5 }, SIGNAL)
      expect(hits[0]).toMatchObject({ textRank: 1, vectorRank: expect.any(Number) })
      const stored = await search.hybrid(model, 'snow', { k: 5 }, SIGNAL)
      expect(stored[0]).toMatchObject({ photoId: 'snow', textRank: 1, vectorRank: 1 })
      expect(tiny.encoder.texts).toEqual(['dog'])
    })

    test('counts the photos nearest to words, stored or new, and all photos without words', async () => {
      const facets = (words?: string) =>
        search.counts.facets(model, { names: ['time'], n: 2, ...(words ? { nearest: { words } } : {}) }, SIGNAL)
      const total = (found: Awaited<ReturnType<typeof facets>>) =>
        found[0]!.values.reduce((sum, { photos }) => sum + photos, found[0]!.other + found[0]!.unknown)
      const before = await facets('a dog')
      expect(total(before)).toBe(2)
      for await (const _ of search.addPrompts(model, ['a dog'], SIGNAL));
      expect(await facets('a dog')).toEqual(before)
      expect(total(await facets())).toBe(5)
    })

    test('finds near duplicates by falling similarity, and their groups', async () => {
      const progress: number[] = []
      const options = { threshold: 0.6 }
      const pairs = await search.duplicates(model, options, done => progress.push(done), SIGNAL)
      expect(pairs.map(({ photoId, otherId }) => `${photoId} ${otherId}`)).toEqual([
        'dog dog-at-night',
        'dog dog-in-snow',
        'dog-at-night night',
        'dog-in-snow snow',
      ])
      expect(progress).toEqual([5])
      expect((await search.duplicateGroups(model, pairs)).map(({ members }) => members.length)).toEqual([5])
    })

    test('shows photos, labels and prompts', async () => {
      expect((await search.photo('dog')).photo).toMatchObject({ photo_id: 'dog' })
      await expect(search.photo('nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' })
      const shown = await search.photos(model, ['snow', 'nowhere', 'dog'])
      expect(shown.map(({ photo }) => photo.photo_id)).toEqual(['snow', 'dog'])
      expect(await search.labelSets(model)).toMatchObject([{ name: 'time' }])
      const { counts, sample } = await search.labels(model, 'time', { size: 1, seed: 0 })
      expect(counts.reduce((sum, { photos }) => sum + photos, 0)).toBe(5)
      expect(sample.length).toBeGreaterThan(0)
      await expect(search.labels(model, 'space', { size: 0, seed: 0 })).rejects.toMatchObject({ code: 'NOT_FOUND' })
      const groups = []
      for await (const group of search.addPrompts(model, ['snow', 'b', ' b '], SIGNAL)) groups.push(...group)
      expect(groups).toEqual([
        { prompt: 'snow', added: false },
        { prompt: 'b', added: true },
      ])
      expect(await search.removePrompts(model, ['b', 'never stored'])).toEqual(['b'])
    })

    describe('chooses the model', () => {
      test('that is named, else that of the settings, by its key', async () => {
        expect(model).toMatchObject({ id: modelId, key: 'clip-test@fp32' })
        expect(await search.model('clip-test')).toMatchObject({ id: modelId, key: 'clip-test@fp32' })
        await expect(search.model('unheard-of')).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' })
        await expect(search.model('images')).rejects.toMatchObject({
          code: 'NOT_EMBEDDED',
          message: expect.stringContaining('This database has embeddings of clip-test@fp32'),
        })
      })

      test('that is the only one, or was chosen for searches, before that of the settings', async () => {
        const { parts } = tinyInstallation(database)
        const elsewhere = new PhotoSearch({ ...parts, defaultModel: 'images@fp32' })
        expect(await elsewhere.model()).toMatchObject({ id: modelId, key: 'clip-test@fp32' })
        const undecided = {
          ...parts,
          defaultModel: 'images@fp32',
          repositories: { ...parts.repositories, models: { answering: async () => null } },
        }
        await expect(new PhotoSearch(undecided).model()).rejects.toMatchObject({ code: 'NOT_EMBEDDED' })
      })

      test('together with which words of the query are stored, which is not asked again', async () => {
        const { parts } = tinyInstallation(database)
        const { prompts } = parts.repositories
        const asked: string[] = []
        const areStored = (id: number, texts: readonly string[]) => {
          asked.push(...texts)
          return prompts.areStored(id, texts)
        }
        const watched = {
          areStored,
          save: prompts.save.bind(prompts),
          list: prompts.list.bind(prompts),
          remove: prompts.remove.bind(prompts),
        }
        const other = new PhotoSearch({ ...parts, repositories: { ...parts.repositories, prompts: watched } })
        const query = { parts: [' snow ', 'a dog in the rain'].map(words => ({ words, weight: 1 })) }
        const found = await other.model(undefined, query)
        expect([...found.stored!]).toEqual([
          [' snow ', true],
          ['a dog in the rain', false],
        ])
        const { signal } = new AbortController()
        await other.nearest(found, { words: 'a dog in the rain' }, { k: 1 }, signal)
        expect(asked).toEqual([])
        await other.nearest(await other.model('clip-test', query), { words: 'snow' }, { k: 1 }, signal)
        expect(asked).toEqual(['snow'])
        await expect(other.model(undefined, { words: ' ' })).rejects.toMatchObject({ code: 'USAGE' })
      })

      test('and embeds only in the revision that embedded the photos; what needs no encoder works', async () => {
        const { parts } = tinyInstallation(database, { revision: 'def' })
        const other = new PhotoSearch(parts)
        const found = await other.model()
        const { signal } = new AbortController()
        await expect(other.nearest(found, { words: 'never stored before' }, { k: 1 }, signal)).rejects.toMatchObject({
          code: 'NOT_EMBEDDED',
          message: expect.stringContaining('embedded with revision abc of clip-test@fp32; this is revision def'),
        })
        expect(await other.labelSets(found)).toEqual(await search.labelSets(model))
      })

      test('that only the database knows; it embeds nothing', async () => {
        const own = await new PostgresIngestRepository(database).registerModel(aModel({ name: 'own', dimension: 2 }))
        const found = await search.model('own')
        expect(found).toMatchObject({ id: own, key: 'own@fp32', spec: null })
        const { signal } = new AbortController()
        await expect(search.nearest(found, { words: 'a word' }, { k: 1 }, signal)).rejects.toMatchObject({
          code: 'MODEL_UNKNOWN',
          message: expect.stringContaining('cannot embed words'),
        })
      })
    })

    test('refuses words for a model that embeds images alone, before anything is embedded', async () => {
      const { text, ...spec } = model.spec!
      const imagesOnly = { ...model, spec }
      const wordless = [
        () => search.nearest(imagesOnly, { words: 'a dog' }, { k: 1 }, SIGNAL),
        () => search.nearest(imagesOnly, { parts: [{ words: 'a dog', weight: 1 }] }, { k: 1 }, SIGNAL),
        () => search.hybrid(imagesOnly, 'a dog', { k: 1 }, SIGNAL),
        () => search.counts.facets(imagesOnly, { nearest: { words: 'a dog' } }, SIGNAL),
        async () => search.addPrompts(imagesOnly, ['a dog'], SIGNAL),
      ]
      expect(text).toBeDefined()
      for (const ask of wordless) await expect(ask()).rejects.toMatchObject({ code: 'MODEL_WITHOUT_TEXT' })
      expect(ids(await search.nearest(imagesOnly, { photo: 'dog' }, { k: 1 }, SIGNAL))).toEqual(['dog-at-night'])
      expect(await search.hybrid(imagesOnly, 'dog', { k: 1, vectorWeight: 0 }, SIGNAL)).toHaveLength(1)
      expect(tiny.encoder.texts).toEqual([])
    })

    test('goes no further once the signal is aborted', async () => {
      const signal = AbortSignal.abort(new Error('stopped'))
      await expect(search.duplicates(model, { threshold: 0.9 }, () => {}, signal)).rejects.toThrow('stopped')
      await expect(search.addPrompts(model, ['c'], signal)[Symbol.asyncIterator]().next()).rejects.toThrow('stopped')
    })
  })
})
