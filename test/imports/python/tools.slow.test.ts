import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/db/connection.js'
import { toHalfvecText } from '../../../src/db/vector.js'
import { readMatrix } from '../../../src/models/check/npy.js'
import { derivedId } from '../../../src/producers/input/derived-id.js'
import { hasPython, pythonPeers } from '../../support/python/environment.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { importFiles } from '../import-files.js'

const HERE = resolve('test/imports/python')
const [ROWS, DIMENSION] = [3000, 64]

describe.skipIf(!hasPython())('files of NumPy, pyarrow, pandas and datasets', () => {
  let folder: string
  let expected: (readonly [id: string, vector: string])[]
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-tools-'))
    const programs = await pythonPeers()
    const script = join(HERE, 'write_fixtures.py')
    await promisify(execFile)(join(programs, 'python'), [script, folder, `${ROWS}`, `${DIMENSION}`])
    const matrix = await readMatrix(join(folder, 'expected.npy'))
    expected = matrix.map((row, i) => [`photo${String(i).padStart(6, '0')}`, toHalfvecText(row)] as const)
  }, 600_000)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  describe.each(serverKinds())('into the $kind server', ({ available, start }) => {
    describe.skipIf(!available)('', () => {
      let server: TestServer
      let database: Database
      beforeAll(async () => {
        server = await start()
        database = await server.freshDatabase()
      })
      afterAll(() => server.close())

      const imported = (name: string, ids?: string) => {
        const model = name.replaceAll(/[^a-z0-9]/g, '-')
        return importFiles(database, model, [join(folder, name)], DIMENSION, ids && join(folder, ids))
      }

      test.each([
        ['f4.npy', 'ids.txt'],
        ['f2.npy', 'ids.npy'],
        ['f8.npy', 'ids-bytes.npy'],
        ['big-endian.npy', 'ids.txt'],
        ['fortran.npy', 'ids.txt'],
        ['version2.npy', 'ids.txt'],
        ['list.parquet', undefined],
        ['list-groups.parquet', undefined],
        ['list-v2.parquet', undefined],
        ['list-plain.parquet', undefined],
        ['list-split.parquet', undefined],
        ['list-f8.parquet', undefined],
        ['list-f2.parquet', undefined],
        ['large-list.parquet', undefined],
        ['fixed.parquet', undefined],
        ['pandas.parquet', undefined],
        ['json.csv', undefined],
        ['columns.csv', undefined],
        ['pandas.jsonl', undefined],
        ['shard.tar', undefined],
        ['hugging-face', undefined],
      ])('%s', async (name, ids) => {
        const { summary, vectors } = await imported(name, ids)
        expect(summary).toMatchObject({ rows: ROWS, badRows: 0, added: ROWS, scaled: 0 })
        expect(vectors).toEqual(expected)
      })

      test('what the code of img2dataset and of clip-retrieval writes', async () => {
        await expect(imported('img2dataset')).rejects.toMatchObject({ code: 'INPUT_COLUMNS_MISSING' })
        const { summary, vectors } = await imported('clip-retrieval')
        expect(summary).toMatchObject({ rows: ROWS, badRows: 0, added: ROWS, valueWarnings: 0 })
        const byId = new Map(vectors)
        for (const [i, [, vector]] of expected.entries())
          expect(byId.get(derivedId(`https://photos.test/${i}.jpg`))).toBe(vector)
        expect(
          await database.query(
            `select photo_description as caption, photo_width as width, photo_height as height from photos
            where photo_image_url = 'https://photos.test/7.jpg'`,
          ),
        ).toEqual([{ caption: 'caption of 7', width: 607, height: 400 }])
      })

      test.each([
        ['objects.npy', /pickle/],
        ['archive.npz', /npz/],
        ['encrypted.parquet', /encrypted/],
      ])('%s is refused', async (name, message) => {
        await expect(imported(name, name.endsWith('.npy') ? 'ids.txt' : undefined)).rejects.toMatchObject({
          code: 'INPUT_INVALID',
          message: expect.stringMatching(message),
        })
      })
    })
  })
})
