import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { Sandbox } from '../../support/cli.js'
import { startHttp, type TestServer } from '../../support/servers/http-server.js'

const TIMEOUT = { timeout: 300_000 }

const picture = (grey: number): Promise<Buffer> =>
  sharp({ create: { width: 700, height: 600, channels: 3, background: { r: grey, g: 255 - grey, b: 90 } } })
    .png()
    .toBuffer()

interface Served {
  body: Buffer
  etag?: string
  status?: number
}

describe('ingest --refresh', () => {
  let sandbox: Sandbox
  let database: Database
  let images: TestServer
  const served = new Map<string, Served>()
  /** Requests that were answered with a body. */
  const sent: string[] = []

  const ingest = async (...args: string[]) => {
    sent.length = 0
    return sandbox.run('ingest', 'photos.csv', '--processes', '1', '--allow-host', images.host, '--json', ...args)
  }
  const table = (...ids: string[]) =>
    writeFile(
      join(sandbox.home, 'photos.csv'),
      ['photo_id,photo_image_url', ...ids.map(id => `${id},${images.origin}/${id}`), ''].join('\n'),
    )
  const vectors = async () => {
    const rows = await database.query<{ id: string; text: string }>(
      'select photo_id as id, embedding::text as text from embeddings',
    )
    return new Map(rows.map(({ id, text }) => [id, text]))
  }
  const copy = (id: string) => join(sandbox.home, 'objects', 'h512-q65', `${id}.jpg`)

  beforeAll(async () => {
    images = await startHttp((request, response) => {
      const id = request.url!.slice(1)
      const { body, etag, status = 200 } = served.get(id)!
      if (status !== 200) return void response.writeHead(status).end()
      if (etag && request.headers['if-none-match'] === etag) return void response.writeHead(304, { etag }).end()
      sent.push(id)
      response.writeHead(200, etag ? { etag } : {}).end(body)
    })
    sandbox = await Sandbox.create({ LABEL_SETS: 'none' })
    for (const [i, id] of ['same', 'edited', 'gone', 'plain', 'plain-edited', 'fresh'].entries())
      served.set(id, { body: await picture(20 * i), ...(id.startsWith('plain') ? {} : { etag: `"${id}"` }) })
    await table('same', 'edited', 'gone', 'plain', 'plain-edited')
    const first = await ingest()
    expect(first.code, first.stderr).toBe(0)
    database = await openDatabase({ url: (await sandbox.run('db', 'url')).stdout.trim() })
  }, 300_000)
  afterAll(async () => {
    await database?.close()
    await sandbox?.close()
    await images?.close()
  })

  test(
    'embeds again what changed, with its copy, and nothing else; what is gone keeps its embedding',
    TIMEOUT,
    async () => {
      const before = await vectors()
      const [oldCopy, written] = [await readFile(copy('edited')), (await stat(copy('plain'))).mtimeMs]
      served.set('edited', { body: await picture(210), etag: '"second"' })
      served.set('plain-edited', { body: await picture(230) })
      served.set('gone', { ...served.get('gone')!, status: 404 })
      await table('same', 'edited', 'gone', 'plain', 'plain-edited', 'fresh')
      const { code, objects, stderr } = await ingest('--refresh')
      const end = objects().at(-1)!
      expect(end.refreshed, stderr).toEqual([
        { outcome: 'changed', code: null, photos: 2 },
        { outcome: 'unchanged', code: null, photos: 2 },
        { outcome: 'failed', code: 'HTTP_404', photos: 1 },
        { outcome: 'new', code: null, photos: 1 },
      ])
      expect([code, end]).toMatchObject([
        3,
        { photos: 6, done: 5, failed: 1, failures: [{ code: 'HTTP_404', photos: 1 }] },
      ])
      expect(sent.sort()).toEqual(['edited', 'fresh', 'plain', 'plain-edited'])
      const after = await vectors()
      const changed = [...after.keys()].filter(id => before.has(id) && after.get(id) !== before.get(id))
      expect([changed.sort(), after.size]).toEqual([['edited', 'plain-edited'], 6])
      expect((await readFile(copy('edited'))).equals(oldCopy)).toBe(false)
      expect((await stat(copy('plain'))).mtimeMs).toBe(written)
      expect(await database.query('select from failures')).toEqual([])
    },
  )

  test('embeds once more what was embedded before versions were recorded, and then knows it', TIMEOUT, async () => {
    await database.query(`delete from photo_versions where photo_id = 'same'`)
    await table('same')
    expect((await ingest('--refresh')).objects().at(-1)!.refreshed).toEqual([
      { outcome: 'uncompared', code: null, photos: 1 },
    ])
    const known = await database.query(
      `select etag, length::integer as length from photo_versions where photo_id = 'same'`,
    )
    expect(known).toEqual([{ etag: '"same"', length: served.get('same')!.body.length }])
  })

  test('needs an input that names its photos', async () => {
    expect((await sandbox.run('ingest', '--refresh', '--only-missing')).code).toBe(2)
  })
})
