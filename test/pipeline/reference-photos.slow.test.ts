import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cosineSimilarity } from '../../src/domain/similarity.js'
import { FolderStore } from '../../src/storage/folder-store.js'
import { Sandbox, withoutWaits } from '../support/cli.js'
import { hasReference, REFERENCE } from '../support/servers/requirements.js'
import { type FolderServer, serveFolder } from '../support/servers/serve-folder.js'
import { until } from '../support/until.js'

const MINUTE = 60_000
const CSV = join(REFERENCE, 'unsplash/photos-700.csv')

interface EndState {
  /** Photo id to embedding. */
  embeddings: Map<string, number[]>
  /** `photo set` to label. */
  labels: Map<string, string>
  copies: string[]
}

describe.skipIf(!hasReference())('700 real photos, served over HTTP', () => {
  let server: FolderServer
  let undisturbed: Sandbox
  let disturbed: Sandbox
  let expected: EndState

  beforeAll(async () => {
    server = await serveFolder(join(REFERENCE, 'unsplash/images'))
    undisturbed = await Sandbox.create()
    disturbed = await Sandbox.create({ QUEUE_LOCK_MS: '4000', PHOTOS_PER_JOB: '16' })
  })
  afterAll(async () => {
    await undisturbed.close()
    await disturbed.close()
    await server.close()
  })

  const ingestArguments = () => ['ingest', CSV, '--url-template', `http://${server.host}/{photo_id}.jpg`, '--json']

  test('are embedded, copied and labelled by two workers', { timeout: 8 * MINUTE }, async () => {
    const done = await undisturbed.run(...ingestArguments(), '--processes', '2', '--allow-host', server.host)
    expect(withoutWaits(done.stderr).trim().split('\n')).toEqual([
      'Columns that are not kept: taken_space, taken_time.',
      expect.stringContaining('The demo model understands rendered scenes, not photographs.'),
    ])
    expect(done.code).toBe(0)
    const [status] = (await undisturbed.run('status', '--json')).objects()
    expect(status).toMatchObject({ photos: 700, embedded: 700, failed: 0, labels: 1400 })
    expect(status).toMatchObject({ queue: { waiting: 0, active: 0, delayed: 0, failed: 0 } })
    expected = await endState(undisturbed)
    expect(expected.embeddings.size).toBe(700)
    expect(expected.labels.size).toBe(1400)
    expect(expected.copies).toHaveLength(700)
  })

  test('are not enqueued a second time', { timeout: 4 * MINUTE }, async () => {
    const requestsBefore = total(server)
    const again = await undisturbed.run(...ingestArguments(), '--wait')
    expect(again.code).toBe(0)
    expect(again.objects()[0]).toMatchObject({ enqueuedPhotos: 0, enqueuedBatches: 0 })
    expect(total(server)).toBe(requestsBefore)
  })

  test('end the same when a worker and then the database server are killed in the middle', {
    timeout: 6 * MINUTE,
  }, async () => {
    const victim = disturbed.start('worker', '--allow-host', server.host)
    const survivor = disturbed.start('worker', '--allow-host', server.host)
    const run = disturbed.start(...ingestArguments(), '--wait')
    const embedded = async () => Number((await disturbed.run('status', '--json')).objects()[0]?.embedded ?? 0)

    await until('the first 100 photos', async () => (await embedded()) >= 100, 2 * MINUTE)
    victim.child.kill('SIGKILL')
    await victim.finished
    const before = await until('50 more photos', async () => {
      const count = await embedded()
      return count >= 150 ? count : 0
    })
    const [database] = (await disturbed.run('db', 'status', '--json')).objects()
    process.kill((database as { embedded: { pid: number } }).embedded.pid, 'SIGKILL')
    expect(before).toBeLessThan(700)

    const done = await run.finished
    expect(done.stderr).not.toContain('Error')
    expect(done.code).toBe(0)
    survivor.child.kill('SIGTERM')
    expect((await survivor.finished).code).toBe(0)

    const found = await endState(disturbed)
    expect([...found.embeddings.keys()]).toEqual([...expected.embeddings.keys()])
    expect([...found.labels]).toEqual([...expected.labels])
    expect(found.copies).toEqual(expected.copies)
    // The same photo encoded in a batch of another size may differ in the last bit.
    for (const [id, embedding] of found.embeddings)
      expect(cosineSimilarity(embedding, expected.embeddings.get(id)!)).toBeGreaterThan(0.9999)
    const [status] = (await disturbed.run('status', '--json')).objects()
    expect(status).toMatchObject({ embedded: 700, failed: 0, queue: { waiting: 0, active: 0, delayed: 0, failed: 0 } })
  })
})

async function endState(sandbox: Sandbox): Promise<EndState> {
  const client = new Client({ connectionString: (await sandbox.run('db', 'url')).stdout.trim() })
  await client.connect()
  try {
    const embeddings = await client.query<{ photo_id: string; embedding: string }>(
      'select photo_id, embedding::text from embeddings order by photo_id collate "C"',
    )
    const labels = await client.query<{ photo_id: string; set_name: string; label: string }>(
      'select photo_id, set_name, label from photo_labels order by photo_id collate "C", set_name',
    )
    const copies: string[] = []
    for await (const key of new FolderStore(join(sandbox.home, 'objects')).list()) copies.push(key)
    return {
      embeddings: new Map(embeddings.rows.map(row => [row.photo_id, JSON.parse(row.embedding) as number[]])),
      labels: new Map(labels.rows.map(row => [`${row.photo_id} ${row.set_name}`, row.label])),
      copies: copies.sort(),
    }
  } finally {
    await client.end()
  }
}

function total(server: FolderServer): number {
  return [...server.requests.values()].reduce((sum, count) => sum + count, 0)
}
