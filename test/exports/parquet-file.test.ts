import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { VectorPage } from '../../src/domain/ports/vectors/vector-repository.js'
import { exportColumns } from '../../src/exports/columns.js'
import { DTYPES } from '../../src/exports/export-format.js'
import { ParquetFile } from '../../src/exports/parquet/parquet-file.js'
import { randomNumbers, toHalf } from '../db/factories.js'

const PHOTO = {
  photo_submitted_at: '2014-09-29 00:08:38.594364',
  photo_featured: true,
  photo_width: 2 ** 31 - 1,
  photo_aspect_ratio: 1.5,
  photo_description: 'Schnee, "雪" 🏔',
  stats_views: Number.MAX_SAFE_INTEGER,
}
const EMPTY = Object.fromEntries(Object.keys(PHOTO).map(name => [name, null]))

describe('A Parquet file', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'uc-parquet-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const random = randomNumbers(1)
  /** With vectors in half precision, as they are stored. */
  const aPage = (ids: string[], dimension: number): VectorPage => ({
    ids,
    dimension,
    vectors: Float32Array.from({ length: ids.length * dimension }, () => toHalf(random())),
    storedKeys: ids.map((_, i) => (i === 0 ? null : `copies/${i}`)),
    photos: ids.map((_, i) => (i === 0 ? { ...EMPTY } : { ...PHOTO })),
    labels: ids.map((_, i): VectorPage['labels'][number] =>
      i === 0 ? {} : { taken_time: { label: 'night', score: 0.5 } },
    ),
  })

  test.each(DTYPES.flatMap(dtype => [1, 2, 512].map(dimension => [dtype, dimension] as const)))(
    'with vectors of %s and %d numbers has the rows of all pages',
    async (dtype, dimension) => {
      const path = join(folder, `${dtype}-${dimension}.parquet`)
      const pages = [aPage(['a', 'b', 'c'], dimension), aPage(['d'], dimension)]
      const columns = exportColumns({
        photoColumns: Object.keys(PHOTO) as (keyof typeof PHOTO)[],
        labelSets: ['taken_time'],
        scores: new Map([['b', 0.25]]),
      })
      const file = await ParquetFile.create(path, { columns, vector: { name: 'vector', dtype } })
      for (const page of pages) await file.add(page)
      await file.close()

      const bytes = new Uint8Array(await readFile(path)).buffer
      const rows = await parquetReadObjects({ file: bytes, compressors })
      expect(rows.map(row => row.photo_id)).toEqual(['a', 'b', 'c', 'd'])
      const vectors = pages.flatMap(page => [...page.vectors])
      expect(rows.flatMap(row => row.vector)).toEqual(vectors)
      expect(rows[0]).toMatchObject({ ...EMPTY, score: null, label_taken_time: null, stored_key: null })
      expect(rows[1]).toMatchObject({
        ...PHOTO,
        photo_submitted_at: new Date('2014-09-29T00:08:38.594Z'),
        stats_views: BigInt(Number.MAX_SAFE_INTEGER),
        score: 0.25,
        label_taken_time: 'night',
        score_taken_time: 0.5,
        stored_key: 'copies/1',
      })
      const { num_rows, row_groups } = parquetMetadata(bytes)
      expect([num_rows, row_groups.length]).toEqual([4n, 2])
    },
  )

  test('replaces none that is there', async () => {
    const path = join(folder, 'twice.parquet')
    const columns = exportColumns({ photoColumns: [], labelSets: [], scores: null })
    await (await ParquetFile.create(path, { columns })).close()
    await expect(ParquetFile.create(path, { columns })).rejects.toMatchObject({ code: 'EEXIST' })
  })
})
