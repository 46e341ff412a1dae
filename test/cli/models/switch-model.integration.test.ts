import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Running, Sandbox } from '../../support/cli.js'
import { type Miniature, writeMiniature } from '../../support/models/miniatures.js'
import { randomNumbers } from '../../support/random-numbers.js'
import { serverKinds, type TestServer } from '../../support/servers/postgres.js'
import { findsRedis, type RedisServer, redisServer } from '../../support/servers/redis.js'
import { until } from '../../support/until.js'

const PHOTOS = 160
const FIRST = 60

interface Answer {
  question: string
  status: number
  model: string
  hits: string
}

describe.each(serverKinds())('a collection gets another model on the $kind server', ({ kind, available, start }) => {
  describe.skipIf(!available || (kind === 'native' && !findsRedis()))('', () => {
    let server: TestServer | undefined
    let redis: RedisServer | undefined
    let sandbox: Sandbox
    let next: Miniature
    let serve: Running
    let api: string
    const answers: Answer[] = []
    const stop = new AbortController()
    let asking: Promise<void>

    beforeAll(async () => {
      const settings: Record<string, string> = { LABEL_SETS: 'taken_time' }
      if (kind === 'native') {
        server = await start()
        redis = await redisServer()
        Object.assign(settings, {
          DATABASE_URL: await server.migratedUrl(),
          REDIS_URL: redis.url,
          QUEUE_NAME: 'switch',
        })
      }
      sandbox = await Sandbox.create(settings)
      delete sandbox.environment.MODEL
      const folder = join(sandbox.home, 'mini')
      next = await writeMiniature('clip-fp32', folder)
      sandbox.environment.MODEL_FOLDERS = folder
      await paint(join(sandbox.home, 'photos'), 0, PHOTOS)
      await succeed('ingest', 'photos', '--model', 'demo', '--processes', '1')
      serve = sandbox.start('serve', '--port', '0', '--requests-per-minute', '0', '--json')
      const [line] = await once(serve.child.stdout!, 'data')
      api = (JSON.parse(String(line)) as { api: string }).api
      asking = askAll()
    })
    afterAll(async () => {
      stop.abort()
      await asking
      serve?.child.kill('SIGINT')
      await serve?.finished
      await sandbox?.close()
      await redis?.stop()
      await server?.close()
    })

    async function succeed(...args: string[]) {
      const ended = await sandbox.run(...args)
      expect(`${args.join(' ')}: ${ended.code} ${ended.stderr}`).toMatch(/^.*: 0 /)
      return ended
    }

    /** Asks the server until the end of the test. */
    async function askAll(): Promise<void> {
      const first = (await (await fetch(`${api}/search?k=1&q=dog`)).json()) as { hits: Hit[] }
      const questions = ['q=a+red+house', 'q=night&label=taken_time%3Dday', `photo=${first.hits[0]!.photo_id}`]
      for (let i = 0; !stop.signal.aborted; i++) {
        const question = questions[i % questions.length]!
        const response = await fetch(`${api}/search?k=20&${question}`)
        const { model = '', hits = [] } = (await response.json()) as { model?: string; hits?: Hit[] }
        const found = hits.map(({ photo_id, score }) => `${photo_id} ${score.toFixed(4)}`).join()
        answers.push({ question, status: response.status, model, hits: found })
        await pause(5)
      }
    }

    /** Waits for answers to every question after now. */
    async function nextAnswers(): Promise<Answer[]> {
      const from = answers.length
      await until('further answers', () => answers.length >= from + 8)
      // One may have been under way.
      return answers.slice(from + 1)
    }

    test('searches are answered all the time, by one model or the other, while photos and labels change to another one', async () => {
      const use = () => sandbox.run('models', 'use', next.name)
      expect((await use()).stderr).toContain('No photo was embedded with model')

      const begun = await succeed(
        ...['ingest', '--only-missing', '--from-copies', '--limit', String(FIRST)],
        ...['--model', next.name, '--processes', '1', '--label-set', 'none'],
      )
      expect(withoutNpx(begun.stderr)).toContain(
        `Searches stay with demo@fp32 until: unsplash-clip models use ${next.reference}`,
      )
      const early = await use()
      expect([early.code, withoutNpx(early.stderr)]).toEqual([
        2,
        expect.stringContaining(
          `${next.reference} lacks what searches find now with demo@fp32: embeddings of ${PHOTOS - FIRST} photos (unsplash-clip ingest --only-missing --from-copies --model ${next.reference} --processes 2); the label set taken_time (unsplash-clip labels predict taken_time --model ${next.reference}).`,
        ),
      ])
      await succeed('ingest', '--only-missing', '--from-copies', '--model', next.name, '--processes', '1')
      // Photos of the first part were embedded without labels.
      await succeed('labels', 'predict', 'taken_time', '--model', next.name)
      expect(new Set((await nextAnswers()).map(({ model }) => model))).toEqual(new Set(['demo@fp32']))

      const used = await succeed('models', 'use', next.name)
      expect(used.stdout).toContain(`Searches now use ${next.reference}, with ${PHOTOS} embedded photos.`)
      expect(used.stdout).toContain('Ingests and workers for which no model is named use it too.')
      expect(new Set((await nextAnswers()).map(({ model }) => model))).toEqual(new Set([next.reference]))
      expect((await succeed('models', 'retire', 'demo', '--yes')).stdout).toContain(`${PHOTOS} embeddings are dropped`)

      await nextAnswers()
      const asked = [...answers]
      await paint(join(sandbox.home, 'later'), PHOTOS, 1)
      await succeed('ingest', 'later', '--processes', '1')
      const listed = (await succeed('models', 'list', '--json')).objects()
      expect(listed.filter(({ photos }) => photos)).toEqual([
        expect.objectContaining({ name: next.name, photos: PHOTOS + 1, searched: true }),
      ])

      expect(answers.filter(({ status }) => status !== 200)).toEqual([])
      const models = answers.map(({ model }) => model)
      expect(models.lastIndexOf('demo@fp32')).toBeLessThan(models.indexOf(next.reference))
      expect(new Set(models).size).toBe(2)
      // Each model gave one answer to each question, until a photo was added.
      const given = new Map<string, Set<string>>()
      for (const { question, model, hits } of asked) {
        const key = `${model} ${question}`
        given.set(key, (given.get(key) ?? new Set()).add(hits))
      }
      expect(given.size).toBe(6)
      for (const [key, hits] of given) expect([key, hits.size]).toEqual([key, 1])
    })
  })
})

interface Hit {
  photo_id: string
  score: number
}

/** Commands are printed as a user of this machine types them. */
const withoutNpx = (text: string): string => text.replaceAll('npx unsplash-clip', 'unsplash-clip')

/** Small photos of noise, no two alike: photo-FROM.png and on. */
async function paint(folder: string, from: number, count: number): Promise<void> {
  await mkdir(folder)
  const random = randomNumbers(from + 1)
  for (let i = from; i < from + count; i++) {
    const pixels = Buffer.from(Array.from({ length: 6 * 4 * 3 }, () => 255 * (random() + 0.5)))
    await sharp(pixels, { raw: { width: 6, height: 4, channels: 3 } })
      .resize(72, 48)
      .jpeg()
      .toFile(join(folder, `photo-${i}.jpg`))
  }
}
