import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Sandbox } from '../../support/cli.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { SCENES, type ScenePhotos, scenePhotos } from '../scene-photos.js'

describe.each(serverKinds())('facets and duplicates on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let sandbox: Sandbox
    let scenes: ScenePhotos

    beforeAll(async () => {
      server = await start()
      const url = await server.migratedUrl()
      sandbox = await Sandbox.create({ DATABASE_URL: url }, { hosted: true })
      scenes = await scenePhotos(url)
    })
    afterAll(async () => {
      await scenes?.close()
      await sandbox?.close()
      await server?.close()
    })

    const run = (...args: string[]) => sandbox.run(...args)
    const photos = Object.keys(SCENES).length

    test('counts all photos by facets, as bars and as objects', async () => {
      const shown = await run('facets', '--by', 'orientation', '--by', 'country')
      expect(shown).toMatchObject({ code: 0, stderr: '' })
      expect(shown.stdout).toMatch(
        /^orientation\n\nlandscape +█+ +3 +50\.0 %\nportrait +█+ +3 +50\.0 %\n\ncountry\n\n\(unknown\)/,
      )
      const objects = (await run('facets', '--by', 'country', '--json')).objects()
      expect(objects).toEqual([{ facet: 'country', value: null, photos, part: 'unknown' }])
    })

    test('counts the photos nearest to words, and those that fulfil conditions', async () => {
      const count = async (...args: string[]) => {
        const objects = (await run('facets', ...args, '--by', 'iso', '--json')).objects()
        return objects.reduce((sum, { photos }) => sum + Number(photos), 0)
      }
      expect(await count('a boat at night', '-k', '2')).toBe(2)
      expect(await count('--where', 'exif_iso>=300')).toBe(photos - 3)
      expect((await run('facets', '--where', 'exif_iso>=9999')).stdout).toBe('No photo matches.\n')
    })

    test('says which facets there are', async () => {
      const { code, stderr } = await run('facets', '--by', 'colour')
      expect(code).toBe(2)
      expect(stderr).toMatch(/^USAGE: there is no facet colour; known: .*country, city, camera_make/)
    })

    test('shows pairs, groups, a table and a page with the pictures side by side', async () => {
      const pairs = await run('duplicates', '--threshold', '0.5', '--json', '--csv', join(sandbox.home, 'pairs.csv'))
      const objects = pairs.objects()
      expect(objects.length).toBeGreaterThan(0)
      const scores = objects.map(({ score }) => Number(score))
      expect(scores).toEqual([...scores].sort((a, b) => b - a))
      expect(Math.min(...scores)).toBeGreaterThanOrEqual(0.5)
      const table = await readFile(join(sandbox.home, 'pairs.csv'), 'utf8')
      const [header, ...rows] = table.trim().split('\r\n')
      expect(header).toBe('photo_id,other_id,score,url,other_url,path,other_path')
      const urls = objects.map(({ url, other_url }) => [url, other_url].join(','))
      expect(rows.map(row => row.split(',').slice(3, 5).join(','))).toEqual(urls)
      for (const { photo_id, url } of objects) expect(url).toMatch(new RegExp(`^https://.*${photo_id}`))

      const page = join(sandbox.home, 'duplicates.html')
      const groups = await run('duplicates', '--threshold', '0.5', '--groups', '--json', '--html', page)
      const [first] = groups.objects() as { representative_id: string; photos: { photo_id: string }[] }[]
      expect(first!.photos[0]!.photo_id).toBe(first!.representative_id)
      const html = await readFile(page, 'utf8')
      for (const { photo_id } of first!.photos) expect(html).toContain(photo_id)
    })

    test('shows no more than wanted, and says how many there are', async () => {
      const { stdout, stderr } = await run('duplicates', '--threshold', '0', '-k', '1')
      expect(stdout).toMatch(/^\d\.\d{4} {2}[\w-]+ {2}[\w-]+\n( {8}https:\S+\n){2}$/)
      expect(stderr).toMatch(/^[\d,]+ pairs, 1 of them shown\. Show more: --count N\n$/)
      expect((await run('duplicates', '--threshold', '1')).stdout).toBe(
        'No two photos have a cosine similarity of 1 or more.\n',
      )
    })
  })
})
