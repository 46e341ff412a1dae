import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Sandbox } from '../../support/cli.js'
import { hasPrograms, tag } from '../../support/images/programs.js'
import { rawFile } from '../../support/images/raw-files.js'
import { gradient } from '../../support/images/sample-images.js'

/** One run for all tests: a folder as a camera and an editor leave it. */
describe.skipIf(!hasPrograms('exiftool'))('own photos', () => {
  let sandbox: Sandbox
  let folder: string
  beforeAll(async () => {
    sandbox = await Sandbox.create()
    folder = join(sandbox.home, 'my photos')
    await mkdir(folder)
    const file = (name: string) => join(folder, name)
    await writeFile(file('beach.jpg'), await gradient(400, 300).jpeg().toBuffer())
    await writeFile(file('night.jpg'), await gradient(300, 400).negate().jpeg().toBuffer())
    await tag(
      { ISO: 800, DateTimeOriginal: '2021:07:14 18:03:22', Model: 'EOS R5', 'XMP-dc:Subject': ['lighthouse'] },
      file('night.jpg'),
    )
    await tag(
      {
        GPSLatitude: 52.5,
        GPSLatitudeRef: 'N',
        GPSLongitude: 13.4,
        GPSLongitudeRef: 'E',
        'XMP-dc:Title': 'Sand castle',
      },
      file('beach.jpg'),
    )
    expect(await sandbox.run('ingest', folder, '--processes', '1', '--label-set', 'none')).toMatchObject({ code: 0 })
  }, 120_000)
  afterAll(() => sandbox.close())

  const found = async (...args: string[]) => {
    const { code, objects, stderr } = await sandbox.run('search', 'a photo', '--json', ...args)
    expect([code, stderr]).toEqual([0, expect.any(String)])
    return objects().map(hit => (hit.photo as { photo_image_url: string }).photo_image_url.split('/').at(-1))
  }

  test.each([
    [['--where', 'exif_iso=800'], 'night.jpg'],
    [['--where', 'photo_submitted_at=2021'], 'night.jpg'],
    [['--near', '52.52,13.40,10'], 'beach.jpg'],
    [['--orientation', 'portrait'], 'night.jpg'],
    [['--keyword', 'lighthouse'], 'night.jpg'],
    [['--where', 'photo_title~castle'], 'beach.jpg'],
  ])('are searched by what their files say: %s', async (condition, name) => {
    expect(await found(...condition)).toEqual([name])
  })

  test('are found by their words', async () => {
    const { objects } = await sandbox.run('search', 'sand castle', '--hybrid', '--json')
    expect(objects()[0]).toMatchObject({ text_rank: 1, photo: { photo_title: 'Sand castle' } })
  })

  test('are named by their files wherever they are shown', async () => {
    const path = join(folder, 'night.jpg')
    const query = ['search', 'a photo', '--where', 'exif_iso=800']
    const page = join(sandbox.home, 'page.html')
    const table = join(sandbox.home, 'hits.csv')
    const { stdout } = await sandbox.run(...query, '--html', page, '--csv', table)
    expect(stdout).toContain(`'${path}'`)
    expect(await readFile(page, 'utf8')).toContain(`<a href="${pathToFileURL(path).href}">${path}</a>`)
    expect(parse(await readFile(table), { columns: true })).toMatchObject([{ path }])
    expect((await sandbox.run(...query, '--json')).objects()[0]).toMatchObject({ path })
    const duplicates = await sandbox.run('duplicates', '--threshold', '0', '--csv', table)
    expect(duplicates.stdout).toContain(`'${path}'`)
    const [pair] = parse(await readFile(table), { columns: true }) as Record<string, string>[]
    expect([pair!.path, pair!.other_path].map(each => basename(each!)).sort()).toEqual(['beach.jpg', 'night.jpg'])
  })

  test('that fail are named by their files', async () => {
    const broken = join(sandbox.home, 'broken.jpg')
    await writeFile(broken, Buffer.concat([await gradient(40, 30).jpeg().toBuffer()]).subarray(0, 300))
    const { code, stdout } = await sandbox.run('ingest', broken, '--processes', '1', '--label-set', 'none')
    expect([code, stdout]).toEqual([3, expect.stringMatching(/broken\.jpg[\s\S]*example: \/.*broken\.jpg/)])
  })

  test('files that hold no photo are counted by type, and pairs count once', async () => {
    const mixed = join(sandbox.home, 'mixed')
    await mkdir(mixed)
    const file = (name: string) => join(mixed, name)
    const jpeg = await gradient(40, 30).jpeg().toBuffer()
    await writeFile(file('IMG_1.JPG'), jpeg)
    await writeFile(file('IMG_1.CR2'), await rawFile('DNG'))
    await writeFile(file('IMG_1.MOV'), 'a video')
    await writeFile(file('lonely.nef'), await rawFile('DNG'))
    await writeFile(file('without-extension'), await gradient(40, 30).png().toBuffer())
    await writeFile(file('wrong.dat'), await gradient(40, 31).webp().toBuffer())
    await writeFile(file('a.pdf'), '%PDF-1.4')
    await writeFile(file('b'), '%PDF-1.7')
    await writeFile(file('notes'), 'text')
    const { stdout, code } = await sandbox.run('ingest', mixed, '--dry-run')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Read 4 rows in .*: 4 photos, 0 bad rows\.\n/)
    expect(stdout).toContain('Skipped 3 files: 2 PDF, 1 unknown.')
    expect(stdout).toContain('2 files belong to a photo of the same name')
    const single = await sandbox.run('ingest', file('wrong.dat'), file('IMG_1.JPG'), '--dry-run', '--json')
    expect(single.objects()[0]).toMatchObject({ photos: 2, badRows: 0 })
    await rm(file('IMG_1.JPG'))
    const pdfs = await sandbox.run('ingest', file('a.pdf'), '--dry-run')
    expect(pdfs).toMatchObject({ code: 2, stderr: expect.stringContaining('INPUT_INVALID') })
  })

  test('are counted by year and camera', async () => {
    const { stdout } = await sandbox.run('facets', '--by', 'year', '--by', 'camera_model')
    expect(stdout).toMatch(/2021[\s\S]*EOS R5/)
  })
})
