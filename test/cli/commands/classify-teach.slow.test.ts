import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresLabelMarkRepository } from '../../../src/db/label-mark-repository.js'
import { migrate } from '../../../src/db/migrate.js'
import type { ModelId } from '../../../src/domain/ports/repository.js'
import { normalise } from '../../../src/domain/similarity.js'
import { FolderStore } from '../../../src/storage/folder-store.js'
import { aModel, aPhoto, embedPhotos } from '../../db/factories.js'
import { Sandbox } from '../../support/cli.js'
import { randomNumbers } from '../../support/random-numbers.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { until } from '../../support/until.js'

const DIMENSION = 16
const PHOTOS = 120
/** So many that labelling takes some pages. */
const MANY = 30_000
const COUNTRIES = ['Norway', 'Peru', '<b>Chad</b>']

describe.each(serverKinds())('analyze classify and labels teach on the $kind server', ({ kind, available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let sandbox: Sandbox
    let database: Database
    let modelId: ModelId

    beforeAll(async () => {
      server = await start()
      const url = await server.migratedUrl()
      sandbox = await Sandbox.create({ DATABASE_URL: url }, { hosted: true })
      database = await openDatabase({ url })
      await migrate(database)
      modelId = await new PostgresIngestRepository(database).registerModel(aModel({ dimension: DIMENSION }))
      await embed(0, PHOTOS)
    })
    afterAll(async () => {
      await database?.close()
      await sandbox?.close()
      await server?.close()
    })

    const run = (...args: string[]) => sandbox.run(...args)
    const idOf = (n: number) => `photo-${String(n).padStart(4, '0')}`
    const levelOf = (n: number) => n % 3
    /** Photos of three levels of light, which the vector shows, but for noise. */
    async function embed(first: number, end: number): Promise<void> {
      const random = randomNumbers(first + 1)
      const numbers = Array.from({ length: end - first }, (_, i) => first + i)
      const vectors = numbers.map(n =>
        normalise(Float32Array.from({ length: DIMENSION }, (_, j) => (j === levelOf(n) ? 1 : 0) + random() * 1.2)),
      )
      const photos = numbers.map(n =>
        aPhoto(idOf(n), {
          exif_iso: n % 10 === 9 ? null : [100, 400, 3200][levelOf(n)]!,
          photo_location_country: COUNTRIES[levelOf(n)]!,
          photo_description: `<script>alert(${n})</script>`,
        }),
      )
      await embedPhotos(database, modelId, photos, vectors)
    }
    /** Ids of some photos of a level, as arguments. */
    const someOf = (level: number, count: number) => Array.from({ length: count }, (_, i) => idOf(3 * i + level))
    const labelOf = async (id: string) =>
      (
        await database.query<{ label: string }>(
          "select label from photo_labels where set_name = 'bright' and photo_id = $1",
          [id],
        )
      )[0]?.label

    describe('classify', () => {
      test('shows all methods beside the baseline, in 80 columns', async () => {
        const { code, stdout, stderr } = await run('analyze', 'classify', 'exif_iso:200,1000')
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
        expect(stdout).toMatch(
          /^exif_iso:200,1000 \(low: up to 200; medium: over 200 to 1000; high: over 1000\): 108 photos with clip-test@fp32: low 36, medium 36, high 36\.\nLeft out: 12 photos without a value/,
        )
        expect(stdout).toMatch(/\nmajority baseline +0\.3\d\d +0\.333 +0\.1\d\d +0\.3\d\d ± 0\.\d{3}\n/)
        for (const method of ['logistic regression', 'random forest', '5 nearest'])
          expect(stdout).toMatch(new RegExp(`\n${method} +0\\.[6-9]\\d\\d `))
        expect(stdout).toMatch(/Confusion of .*\n +low +medium +high\nlow +\d/)
        const table = stdout.split('\n').slice(3)
        for (const line of table) expect(line.length).toBeLessThanOrEqual(80)
      })

      test('says the same as objects, and the same again', async () => {
        const once = await run('analyze', 'classify', 'photo_location_country', '--json', '--folds', '3', '--seed', '4')
        const [about, ...methods] = once.objects()
        expect(about).toMatchObject({
          column: 'photo_location_country',
          models: ['clip-test@fp32'],
          photos: PHOTOS,
          classes: { '<b>Chad</b>': 40, Norway: 40, Peru: 40 },
          left_out: { without_value: 0, without_vector: 0, not_drawn: 0, rare_classes: {} },
          train: 96,
          test: 24,
        })
        expect(methods).toHaveLength(4)
        for (const method of methods)
          expect(method).toMatchObject({
            folds: { accuracy: { mean: expect.any(Number), deviation: expect.any(Number) } },
          })
        const again = await run(
          'analyze',
          'classify',
          'photo_location_country',
          '--json',
          '--folds',
          '3',
          '--seed',
          '4',
        )
        expect(again.stdout).toBe(once.stdout)
      })

      test('leaves out rare classes and photos beyond the sample, and counts them', async () => {
        const filtered = await run(
          ...['analyze', 'classify', 'exif_iso', '--where', 'exif_iso!=400', '--photos', await listOf(100), '--json'],
          ...['--min-photos', '25', '--folds', '0'],
        )
        expect(filtered.code).toBe(0)
        expect(filtered.objects()[0]).toMatchObject({ photos: 60, classes: { 100: 30, 3200: 30 } })
        const drawn = await run('analyze', 'classify', 'exif_iso:200', '--sample', '50', '--json', '--folds', '0')
        expect(drawn.objects()[0]).toMatchObject({ photos: 50, left_out: { without_value: 12, not_drawn: 58 } })
      })

      async function listOf(count: number): Promise<string> {
        const file = join(sandbox.home, 'list.txt')
        await writeFile(file, Array.from({ length: count }, (_, n) => idOf(n)).join('\n'))
        return file
      }

      test('writes a page that loads nothing, with the mistakes as pictures', async () => {
        const jpeg = await sharp({ create: { width: 16, height: 16, channels: 3, background: '#36c' } })
          .jpeg()
          .toBuffer()
        const store = new FolderStore(join(sandbox.home, 'store'))
        await store.put('copies/one.jpg', jpeg)
        await database.query("update embeddings set stored_key = 'copies/one.jpg'")
        const file = join(sandbox.home, 'levels.html')
        const { code, stderr } = await run(
          'analyze',
          'classify',
          'photo_location_country',
          '--test',
          '0.5',
          '--html',
          file,
        )
        expect({ code, stderr }).toEqual({ code: 0, stderr: `Wrote ${file}\n` })
        const page = await readFile(file, 'utf8')
        expect(page).toMatch(/default-src 'none'; img-src data:;/)
        expect(page).toContain('Surest mistakes')
        expect(page).toContain('<td>')
        expect(page).toContain('predicted: ')
        expect(page).not.toMatch(/<script|<b>Chad|src="http/)
        expect(page).toContain('&#60;b&#62;Chad')
      })

      test('keeps the probe as a label set, which is shown and removed as others', async () => {
        const saved = await run('analyze', 'classify', 'exif_iso:200,1000', '--save', 'light', '--folds', '0', '--json')
        expect(saved).toMatchObject({ code: 0, stderr: '' })
        const counts = saved.objects().slice(-3)
        expect(counts.map(({ label }) => label)).toEqual(['low', 'medium', 'high'])
        expect(counts.reduce((sum, { photos }) => sum + Number(photos), 0)).toBe(PHOTOS)
        expect((await run('labels', 'show')).stdout).toMatch(
          /^light: classified by exif_iso:200,1000: low, medium, high$/m,
        )
        const hits = await run('facets', '--by', 'light', '--json')
        expect(hits.objects().map(({ value }) => value)).toEqual(['low', 'medium', 'high'])
        expect((await run('analyze', 'classify', 'light', '--folds', '0', '--json')).objects()[0]).toMatchObject({
          photos: PHOTOS,
        })
        expect((await run('labels', 'rm', 'light', '--yes')).code).toBe(0)
      })
    })

    describe('teach', () => {
      test('measures without storing anything, when it is told so', async () => {
        const { code, stdout } = await run(
          ...[
            'labels',
            'teach',
            'bright',
            '--yes',
            ...someOf(0, 8),
            '--no',
            ...someOf(1, 4),
            ...someOf(2, 4),
            '--dry-run',
          ],
        )
        expect(code).toBe(0)
        expect(stdout).toMatch(
          /^Would teach bright to clip-test@fp32, with 8 photos that have the label and 8 that do not\.\nOf examples held out in turn: precision \d\.\d\d \(\d of \d right\), recall \d\.\d\d \(\d of 8 found\)\./,
        )
        expect((await run('labels', 'show')).stdout).not.toContain('bright')
      })

      test('labels all photos, and later ones when they are ingested', async () => {
        const taught = await run(
          ...[
            'labels',
            'teach',
            'bright',
            '--yes',
            ...someOf(0, 8),
            '--no',
            ...someOf(1, 4),
            ...someOf(2, 4),
            '--json',
          ],
        )
        expect(taught).toMatchObject({ code: 0, stderr: '' })
        const [about, has, lacks] = taught.objects()
        expect(about).toMatchObject({ set: 'bright', model: 'clip-test@fp32', stored: true, yes: 8, no: 8 })
        expect([has!.label, lacks!.label]).toEqual(['bright', 'not bright'])
        expect(Number(has!.photos) + Number(lacks!.photos)).toBe(PHOTOS)
        expect(Number(has!.photos)).toBeGreaterThan(20)
        await embed(PHOTOS, PHOTOS + 30)
        const later = Array.from({ length: 30 }, (_, i) => PHOTOS + i)
        const right = await Promise.all(
          later.map(async n => ((await labelOf(idOf(n))) === 'bright') === (levelOf(n) === 0)),
        )
        expect(right.filter(Boolean).length).toBeGreaterThanOrEqual(24)
        expect((await run('labels', 'show')).stdout).toMatch(
          /^bright: taught with 8 bright, 8 not bright: bright, not bright$/m,
        )
        const shown = await run('labels', 'show', 'bright', '--sample', '2', '--json')
        expect(shown.objects().filter(({ photo_id }) => photo_id !== undefined)).toHaveLength(4)
      })

      test('adds examples and marks of the page to those of earlier calls, unless it begins afresh', async () => {
        const marks = new PostgresLabelMarkRepository(database)
        const lacking = await database.query<{ id: string }>(
          "select photo_id as id from photo_labels where set_name = 'bright' and label = 'not bright' order by 1 desc limit 2",
        )
        await marks.mark(
          modelId,
          'bright',
          lacking.map(({ id }) => ({ photoId: id, label: 'not bright', correct: true, atRandom: false })),
        )
        const more = await run('labels', 'teach', 'bright', '--from-marks', 'bright', '--yes', idOf(60), '--json')
        expect(more.objects()[0]).toMatchObject({ yes: 9, no: 10 })
        const afresh = await run(
          ...['labels', 'teach', 'bright', '--afresh', '--json', '--yes', ...someOf(0, 4), '--no', ...someOf(1, 5)],
        )
        expect(afresh.objects()[0]).toMatchObject({ yes: 4, no: 5 })
      })

      test('refuses photos that have no vector of the model', async () => {
        await new PostgresIngestRepository(database).upsertPhotos([aPhoto('without-vector')])
        const { code, stderr } = await run('labels', 'teach', 'few', '--yes', 'without-vector')
        expect(code).toBe(1)
        expect(stderr).toMatch(/^NOT_EMBEDDED: 1 photo without a vector of clip-test@fp32: without-vector/)
      })

      const once = kind === 'native' ? test : () => {}
      once('killed at any moment leaves the labels of before, and goes on', async () => {
        await database.query(
          `insert into photos (photo_id, photo_image_url) select 'm' || n, 'x' from generate_series(1, $1::integer) as n`,
          [MANY],
        )
        await database.query(
          `insert into embeddings (model_id, photo_id, embedding)
           select $1, 'm' || n, array_append(array(select sin(n * j) from generate_series(1, 15) as j), 1)::real[]::vector::halfvec
             from generate_series(1, $2::integer) as n`,
          [modelId, MANY],
        )
        const teach = (...no: string[]) => [
          'labels',
          'teach',
          'bright',
          '--afresh',
          '--yes',
          ...someOf(0, 6),
          '--no',
          ...no,
        ]
        expect((await run(...teach(...someOf(1, 6)))).code).toBe(0)
        const seen = () =>
          database.query(
            `select md5(string_agg(photo_id || label || scores::text, ',' order by photo_id)) as rows, count(*)
               from photo_labels where set_name = 'bright'`,
          )
        const before = await seen()
        const coming = () =>
          database.query(
            'select from label_changes c where exists (select from label_rows l where l.version = c.version)',
          )
        const running = sandbox.start(...teach(...someOf(2, 6)))
        // On a fast machine all of them may be there between two looks.
        const isOver = () => running.child.exitCode !== null
        await until('labels that are coming', async () => isOver() || (await coming()).length > 0)
        running.child.kill('SIGKILL')
        await running.finished
        // Either it was killed before the switch, or the new labels are there as a whole.
        const killed = await seen()
        if ((await coming()).length > 0) expect(killed).toEqual(before)
        expect((await run('labels', 'predict', 'bright')).code).toBe(0)
        const after = await seen()
        expect(after).not.toEqual(before)
        const [set] = await database.query<{ examples: object }>(
          "select training -> 'examples' as examples from label_sets where name = 'bright'",
        )
        expect(set!.examples).toEqual({ bright: 6, 'not bright': 6 })
        expect((await run(...teach(...someOf(2, 6)))).code).toBe(0)
        expect(await seen()).toEqual(after)
      })
    })
  })
})
