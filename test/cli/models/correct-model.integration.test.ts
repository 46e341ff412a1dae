import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { REFERENCE_TEXTS } from '../../../src/domain/text/reference-texts.js'
import { Sandbox } from '../../support/cli.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { SCENES, type ScenePhotos, scenePhotos } from '../scene-photos.js'

const PHOTOS = Object.keys(SCENES).length
const TEXTS = ['a boat', 'a cat', 'a house at night', 'a tree', 'at night']

describe.each(serverKinds())('models correct on the $kind server', ({ available, start }) => {
  describe.skipIf(!available)('', () => {
    let server: TestServer
    let sandbox: Sandbox
    let scenes: ScenePhotos

    beforeAll(async () => {
      server = await start()
      const url = await server.migratedUrl()
      sandbox = await Sandbox.create({ DATABASE_URL: url }, { hosted: true })
      scenes = await scenePhotos(url)
      await writeFile(join(sandbox.home, 'texts.txt'), `${TEXTS.join('\n')}\n\n  a   boat \n`)
    })
    afterAll(async () => {
      await scenes?.close()
      await sandbox?.close()
      await server?.close()
    })

    const run = (...args: string[]) => sandbox.run(...args)
    const done = async (...args: string[]) => {
      const ended = await run(...args)
      expect(`${ended.code} ${ended.stderr}`).toBe('0 ')
      return ended
    }
    const hitsOf = async (...args: string[]) => (await done('search', 'a house', ...args, '--json')).objects()

    test('orders searches by words, says so, and still shows cosine similarities', async () => {
      const plain = await hitsOf()
      const corrected = await done('models', 'correct', '--references', 'texts.txt', '--k', '2', '--json')
      expect(corrected.objects()).toEqual([
        {
          model: 'demo@fp32',
          references: TEXTS.length,
          known_references: TEXTS.length,
          k: 2,
          weight: 0.75,
          photos: PHOTOS,
          compared: PHOTOS,
          seconds: expect.any(Number),
          cut_off: expect.objectContaining({ judged: expect.any(Number) }),
        },
      ])
      const hits = await hitsOf()
      const scores = new Map(plain.map(hit => [hit.photo_id, hit.score]))
      for (const { photo_id, score } of hits) expect(score).toBe(scores.get(photo_id))
      const places = hits.map(hit => Number(hit.score) - Number(hit.correction))
      expect(places).toEqual(places.toSorted((a, b) => b - a))
      expect(plain[0]).not.toHaveProperty('correction')
      expect(await hitsOf('--correction-weight', '0')).toEqual(plain)

      const { stdout } = await done('search', 'a house')
      expect(stdout).toContain('Ordered by score less a correction for photos that come up in every search')
      const [first, second] = [await hitsOf('-k', '2'), await hitsOf('--after', String(hits[1]!.cursor))]
      expect([...first, ...second].map(hit => hit.photo_id)).toEqual(hits.map(hit => hit.photo_id))
      expect((await done('search', 'a house', '--hybrid')).stdout).toContain('By meaning, ordered by score less')
      await run('search', 'a house', '--html', 'hits.html')
      const page = await readFile(join(sandbox.home, 'hits.html'), 'utf8')
      expect(page).toContain('by score less a correction for photos that come up in every search')
    })

    test('leaves searches by photos and pictures as they are', async () => {
      const { stdout } = await done('search', '--photo', 'red-house')
      expect(stdout).not.toContain('correction')
      const refused = await run('search', '--photo', 'red-house', '--correction-weight', '1')
      expect(refused.code).toBe(2)
      expect(refused.stderr).toContain('A correction weight needs words to search for')
      expect((await done('search', '--plus', 'a house', '--plus', 'a tree')).stdout).toContain('Ordered by score less')
      expect((await done('search', 'a house', '--minus', 'a tree')).stdout).not.toContain('correction')
    })

    test('changes the weight or k of the texts in use, and compares nothing twice', async () => {
      expect((await done('models', 'correct', '--weight', '0.5')).stdout).toMatch(
        new RegExp(`^0 photos of ${PHOTOS} compared with 5 texts in .*\nSearches of demo@fp32 by words .* 0.5 × `),
      )
      const [less] = (await done('models', 'correct', '--k', '3', '--json')).objects()
      expect(less).toMatchObject({ references: TEXTS.length, k: 3, weight: 0.5, compared: PHOTOS })
      const { stdout } = await done('models', 'correct', '--weight', '0')
      expect(stdout).toContain('Searches of demo@fp32 are ordered by score')
      expect((await hitsOf())[0]).not.toHaveProperty('correction')
      expect((await hitsOf('--correction-weight', '0.5'))[0]).toHaveProperty('correction')
    })

    test('is removed, and made again with the texts of the program', async () => {
      expect((await done('models', 'correct', '--off')).stdout).toContain('are removed')
      expect((await done('models', 'correct', '--off')).stdout).toContain('has no reference texts')
      const refused = await run('search', 'a house', '--correction-weight', '1')
      expect(refused.stderr).toMatch(/^NOT_FOUND: .*Run: (npx )?unsplash-clip models correct demo@fp32/)
      const [made] = (await done('models', 'correct', '--json')).objects()
      expect(made).toMatchObject({ references: REFERENCE_TEXTS.length, k: 32, weight: 0.75, compared: PHOTOS })
      await done('models', 'correct', '--off')
    })

    test('refuses what cannot be', async () => {
      await writeFile(join(sandbox.home, 'empty.txt'), '\n')
      const wrong: [string, ...string[]][] = [
        ['USAGE: --references expects a file with one text per line, found no text', '--references', 'empty.txt'],
        ['INPUT_NOT_FOUND: --references expects a file', '--references', 'nowhere.txt'],
        ['USAGE: --off removes the correction, found --weight, too', '--off', '--weight', '1'],
      ]
      for (const [message, ...args] of wrong)
        expect((await run('models', 'correct', ...args)).stderr).toContain(message)
    })
  })
})
