import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cosineSimilarity, normalise } from '../../../src/domain/similarity.js'
import { storedPrompts } from '../../db/stored-prompts.js'
import { Sandbox } from '../../support/cli.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { until } from '../../support/until.js'
import { SCENES, type ScenePhotos, scenePhotos } from '../scene-photos.js'

describe.each(serverKinds())('search on the $kind server', ({ kind, available, start }) => {
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
    const idsOf = async (...args: string[]) => {
      const { code, stderr, objects } = await run('search', ...args, '--json')
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      return objects().map(hit => String(hit.photo_id))
    }
    const vectorOf = async (text: string) => (await scenes.encoder.encodeTexts([text]))[0]!
    const exact = (query: ArrayLike<number>, except: string[] = []) =>
      Promise.all(
        Object.entries(SCENES).map(async ([id, text]) => ({
          id,
          score: cosineSimilarity(await vectorOf(text), query),
        })),
      ).then(all =>
        all
          .filter(({ id }) => !except.includes(id))
          .sort((a, b) => b.score - a.score)
          .map(({ id }) => id),
      )

    test('finds by words', async () => {
      expect(await idsOf('a cat in a room')).toEqual(await exact(await vectorOf('a cat in a room')))
    })

    test('combines a photo with words as unit vectors by their weights, the photo itself left out', async () => {
      const [photo, night] = [await vectorOf(SCENES['red-house']), await vectorOf('at night')]
      const query = (weight: number) => photo.map((value, i) => value + weight * night[i]!)
      expect(await idsOf('--like', 'red-house', '--plus', 'at night:2')).toEqual(await exact(query(2), ['red-house']))
      expect(await idsOf('--like', 'red-house', '--plus', 'at night')).toEqual(await exact(query(4), ['red-house']))
    })

    test('turns away from words, those of the query with weight 1', async () => {
      const [all, less] = [await vectorOf('at night'), await vectorOf('a boat')]
      const query = normalise(all.map((value, i) => value - 0.5 * less[i]!))
      expect(await idsOf('at night', '--minus', 'a boat:0.5')).toEqual(await exact(query))
    })

    test('keeps the words of a combination as prompts', async () => {
      await run('search', '--like', 'red-house', '--plus', 'kept for later')
      const [stored] = await storedPrompts(scenes.database, scenes.modelId, ['kept for later'])
      expect(cosineSimilarity(stored!, await vectorOf('kept for later'))).toBeCloseTo(1, 5)
      const rows = await scenes.database.query(`select from search_text('kept for later')`)
      expect(rows).toHaveLength(Object.keys(SCENES).length)
    })

    test('goes on where the page before ended', async () => {
      const all = await idsOf('a house')
      const first = await run('search', 'a house', '-k', '2')
      const [, cursor] = /^More: --after (\S+)$/m.exec(first.stdout)!
      expect(await idsOf('a house', '-k', '2', '--after', cursor!)).toEqual(all.slice(2, 4))
      const hits = (await run('search', 'a house', '-k', '4', '--json')).objects()
      expect(await idsOf('a house', '--after', String(hits[3]!.cursor))).toEqual(all.slice(4))
      const last = await run('search', 'a house', '--after', String(hits[3]!.cursor))
      expect(last.stdout).not.toContain('More:')
    })

    test('leaves out what is less similar than wanted', async () => {
      const hits = (await run('search', 'a house', '--json')).objects()
      const bound = Number(hits[2]!.score)
      expect(await idsOf('a house', '--min-score', String(bound))).toEqual(hits.slice(0, 3).map(hit => hit.photo_id))
      expect((await run('search', 'a house', '--min-score', '0.9999')).stdout).toContain('No photo matches.')
    })

    test('filters by list, orientation and metadata', async () => {
      await writeFile(join(sandbox.home, 'ids.txt'), 'cat-room\nred-house\n')
      expect((await idsOf('a house', '--photos', 'ids.txt')).sort()).toEqual(['cat-room', 'red-house'])
      expect((await idsOf('a house', '--orientation', 'portrait')).sort()).toEqual(
        ['blue-boat-night', 'green-tree', 'red-house-night'].sort(),
      )
      expect(await idsOf('a house', '--where', 'exif_iso in 100|9999')).toEqual(['red-house-night'])
      expect(await idsOf('a house', '--where', 'exif_aperture_value is not null')).toEqual([])
      await scenes.database.query(`insert into photo_keywords (photo_id, keyword) values ('cat-room', 'cat')`)
      expect(await idsOf('a house', '--keyword', 'cat')).toEqual(['cat-room'])
      expect(await idsOf('a house', '--near', '60,5,10')).toEqual([])
    })

    test('looks for the words themselves, too, and says where each hit ranks in both', async () => {
      const { objects } = await run('search', 'meadow', '--hybrid', '--text-weight', '5', '--json')
      expect(objects()[0]).toMatchObject({ photo_id: 'green-tree', text_rank: 1, vector_rank: expect.any(Number) })
      expect(objects()[1]).toMatchObject({ text_rank: null, text_score: null })
      const words = await run('search', 'meadow', '--hybrid', '--vector-weight', '0', '-k', '1')
      expect(words.stdout).toMatch(/green-tree.*\n +not by meaning, by words 1\n/)
      expect(words.stdout).toContain('More: --offset 1')
    })

    test('ends the list where photos no longer show the words, and says so', async () => {
      const few = await run('search', 'a boat', '--relevant')
      expect({ code: few.code, stdout: few.stdout }).toEqual({
        code: 0,
        stdout: expect.stringMatching(/\n1 photo shows this; the rest does not\.\n$/),
      })
      expect(await idsOf('a boat', '--relevant', '--keyword', 'cat')).toEqual([])
      for (const condition of [
        ['--keyword', 'cat'],
        ['--min-score', '0.99'],
      ])
        expect((await run('search', 'a boat', '--relevant', ...condition)).stdout).toBe(
          'No photo that meets the conditions shows this. Leave out --relevant, or a condition.\n',
        )
      const image = await run('search', '--photo', 'red-house', '--relevant')
      expect({ code: image.code, stderr: image.stderr }).toEqual({ code: 2, stderr: expect.stringContaining('USAGE') })
    })

    test('names concepts of the hits, with the options to go on with', async () => {
      const { code, stdout } = await run('search', 'a house', '-k', '3', '--concepts')
      expect(code).toBe(0)
      expect(stdout).toMatch(/These hits share/)
      const { objects } = await run('search', 'a house', '-k', '3', '--concepts', '--json')
      for (const concept of objects().slice(3))
        expect(concept).toEqual({
          concept: expect.any(String),
          source: expect.stringMatching(/^(texts|pictures)$/),
          photos: expect.any(Number),
          of: 3,
          share_of_all: expect.any(Number),
          lift: expect.any(Number),
        })
    })

    test('counts what the hits have in common', async () => {
      const { objects } = await run('search', 'a house', '-k', '3', '--facets', 'orientation', '--json')
      const counts = objects().slice(3)
      expect(counts.every(({ facet }) => facet === 'orientation')).toBe(true)
      expect(counts.reduce((sum, { photos }) => sum + Number(photos), 0)).toBe(3)
    })

    test('answers line by line, and goes on after a line that it cannot answer', async () => {
      const { stdin, finished } = sandbox.startWithInput('search', '--interactive', '--json', '-k', '1')
      stdin.end(`a cat in a room\n\n${'x'.repeat(2001)}\na green tree on a meadow\n`)
      const { code, stderr, objects } = await finished
      expect(objects().map(({ query, rank, photo_id }) => ({ query, rank, photo_id }))).toEqual([
        { query: 'a cat in a room', rank: 1, photo_id: 'cat-room' },
        { query: 'a green tree on a meadow', rank: 1, photo_id: 'green-tree' },
      ])
      expect(JSON.parse(stderr)).toMatchObject({
        error: 'USAGE',
        message: expect.stringContaining('at most 2000 bytes'),
      })
      expect(code).toBe(2)
    })

    test('answers each line as it comes, and what the options say holds for all', async () => {
      const { child, stdin, finished } = sandbox.startWithInput(
        'search',
        '--interactive',
        '--minus',
        'at night',
        '-k',
        '1',
      )
      let seen = ''
      child.stdout!.on('data', text => {
        seen += text
      })
      stdin.write('a red house in the snow\n')
      await until('the first answer', () => /red-house\b/.test(seen))
      expect(seen).toContain('a red house in the snow, not at night:')
      stdin.write('a blue boat on the sea\n')
      await until('the second answer', () => /blue-boat\b/.test(seen))
      stdin.end()
      expect((await finished).code).toBe(0)
    })

    test.each<[string[], string, number]>([
      [['--like', 'nowhere'], 'NOT_EMBEDDED: Photo nowhere is not embedded with this model', 1],
      [['at night', '--minus', 'at night'], 'USAGE: the parts cancel each other out', 2],
      [['dog', '--photos', 'nowhere.txt'], 'INPUT_NOT_FOUND: --photos expects a file', 2],
      [['--photo', 'cat-room', '--hybrid'], '--hybrid expects words to search for, found Like photo cat-room', 2],
      [['dog', '--hybrid', '--after', '0.1,cat-room'], '--hybrid pages with --offset, found --after', 2],
      [['dog', '--text-weight', '2'], 'need --hybrid', 2],
      [['dog', '--interactive'], '--interactive reads its queries from stdin; found words, too', 2],
    ])('refuses %j with what was expected', async (args, message, exitCode) => {
      const { code, stdout, stderr } = await run('search', ...args)
      expect(stderr).toContain(message)
      expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' })
    })

    test('prompts are added once, listed and removed', async () => {
      await writeFile(join(sandbox.home, 'more.txt'), 'from a file\n\n  from   a file\n')
      const added = await run('prompts', 'add', 'a  boat in a storm', 'a boat in a storm', '--file', 'more.txt')
      expect(added.stdout).toBe('2 prompts embedded with demo@fp32, 0 stored already.\n')
      const again = await run('prompts', 'add', 'a boat in a storm', 'something else', '--json')
      expect(again.objects()).toEqual([
        { prompt: 'a boat in a storm', added: false },
        { prompt: 'something else', added: true },
      ])
      const listed = (await run('prompts', 'list', '--json')).objects().map(({ prompt }) => prompt)
      expect(listed).toEqual(expect.arrayContaining(['a boat in a storm', 'from a file', 'something else']))
      expect((await run('prompts', 'remove', 'from  a file')).stdout).toBe('Removed: from a file\n')
      const gone = await run('prompts', 'remove', 'from a file', 'something else')
      expect(gone).toMatchObject({ code: 1, stdout: 'Removed: something else\n' })
      expect(gone.stderr).toContain('NOT_FOUND: 1 of 2 prompts are not stored for demo@fp32.')
    })

    test.each<[string[], string]>([
      [['add'], 'prompts add expects words in quotes, or --file FILE; found none'],
      [['add', '  '], 'a prompt of at least one word expected'],
      [['add', '--file', 'nowhere.txt'], 'INPUT_NOT_FOUND: --file expects a file with one prompt per line'],
    ])('prompts %j is wrong usage', async (args, message) => {
      const { code, stderr } = await run('prompts', ...args)
      expect(stderr).toContain(message)
      expect(code).toBe(2)
    })

    test('a worker embeds what is asked for in SQL', async () => {
      const { database, modelId } = scenes
      const worker = sandbox.start('worker', '--threads', '1')
      await until('the worker is at work', async () => (await database.query('select from workers')).length > 0)
      const prompt = 'asked for in SQL'
      if (kind === 'native') await database.query(`call embed_prompt('${prompt}', '1 minute')`)
      else await database.query(`select request_prompt('${prompt}')`)
      const stored = await until('the prompt', async () => (await storedPrompts(database, modelId, [prompt]))[0])
      expect(cosineSimilarity(stored, await vectorOf(prompt))).toBeCloseTo(1, 5)
      worker.child.kill('SIGTERM')
      expect((await worker.finished).code).toBe(0)
      if (kind === 'native')
        await until('nobody listens', async () => {
          const left = await database.query(
            `select from pg_stat_activity where query like 'listen%' and datname = current_database()`,
          )
          return left.length === 0
        })
    })
  })
})
