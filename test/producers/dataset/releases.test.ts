import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkArchiveDigest } from '../../../src/producers/dataset/archive-digests.js'
import { openInput } from '../../../src/producers/input/open-input.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-releases-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('latitude and longitude', () => {
  /** Tables with a photo per place. @param swapped as releases before 1.3.0 may have them */
  async function places(places: [latitude: number, longitude: number][][], swapped: boolean) {
    const files = await Promise.all(
      places.map(async (part, p) => {
        const rows = part.map((place, i) => {
          const [first, second] = swapped ? place.toReversed() : place
          return `id${p}-${i}\thttps://images.example/${p}-${i}\t${first}\t${second}`
        })
        const header = 'photo_id\tphoto_image_url\tphoto_location_latitude\tphoto_location_longitude'
        const file = join(folder, `photos.tsv00${p}`)
        await writeFile(file, [header, ...rows, ''].join('\n'))
        return file
      }),
    )
    const source = await openInput(files)
    const found = []
    for await (const { photo } of source.rows())
      found.push([photo!.photo_location_latitude, photo!.photo_location_longitude])
    await source.close()
    return { found, warnings: source.warnings.filter(warning => warning.includes('swapped')) }
  }
  const BERLIN: [number, number] = [52.5, 13.4]
  const MAUI: [number, number] = [20.8, -156.3]
  const TOKYO: [number, number] = [35.7, 139.7]

  test('are read as they are', async () => {
    const parts = [[BERLIN, MAUI], [TOKYO]]
    expect(await places(parts, false)).toEqual({ found: parts.flat(), warnings: [] })
  })

  test('that are swapped are read the right way round, in every part', async () => {
    const parts = [[BERLIN, MAUI, TOKYO], [BERLIN]]
    expect(await places(parts, true)).toEqual({
      found: parts.flat(),
      warnings: [expect.stringMatching(/^Latitude and longitude are swapped in .*photos\.tsv000, .*photos\.tsv001,/)],
    })
  })

  test('that do not tell are left alone', async () => {
    expect(await places([[BERLIN]], false)).toEqual({ found: [BERLIN], warnings: [] })
  })
})

describe('an archive of a release', () => {
  const content = Buffer.from('an archive')
  const digests = { lite: { '1.4.0': createHash('sha256').update(content).digest('hex') } }

  test('has the digest that Unsplash published', async () => {
    const file = join(folder, 'unsplash-research-dataset-lite-1.4.0.zip')
    await writeFile(file, content)
    await checkArchiveDigest(file, digests)
    await writeFile(file, 'another archive')
    await expect(checkArchiveDigest(file, digests)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/expected SHA-256 [0-9a-f]{64}, .* release 1\.4\.0, found [0-9a-f]{64}/),
    })
  })

  test.each(['unsplash-research-dataset-lite-latest.zip', 'unsplash-research-dataset-lite-9.9.9.zip', 'mine.zip'])(
    'that is not known passes: %s',
    async name => {
      const file = join(folder, name)
      await writeFile(file, 'anything')
      await checkArchiveDigest(file, digests)
    },
  )
})
