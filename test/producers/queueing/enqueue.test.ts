import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { AppError } from '../../../src/domain/errors.js'
import type { ModelIdentity } from '../../../src/domain/model.js'
import { barePhoto } from '../../../src/domain/photo.js'
import type { IngestRepository } from '../../../src/domain/ports/repository.js'
import { openInput } from '../../../src/producers/input/open-input.js'
import type { BadRow, Source } from '../../../src/producers/input/source.js'
import {
  dryRun,
  type EnqueueOptions,
  enqueue,
  enqueueFailed,
  enqueueLost,
  enqueueMissing,
} from '../../../src/producers/queueing/enqueue.js'
import type { WaitReason } from '../../../src/producers/queueing/wait-reason.js'
import { NO_PLACES } from '../../support/no-places.js'
import { until } from '../../support/until.js'
import { folderWith, numbered, photoValues, tsv, tsvLine } from '../input/tables.js'
import { MemoryQueue } from './memory-queue.js'
import { MemoryRepository } from './memory-repository.js'

const MODEL: ModelIdentity = {
  name: 'clip',
  precision: 'fp32',
  revision: 'abc',
  dimension: 512,
  scoring: 'softmax',
  logitScale: 100,
  logitBias: 0,
}

async function open(content: string): Promise<Source> {
  const source = await openInput(join(await folderWith({ 'photos.tsv000': content }), 'photos.tsv000'))
  onTestFinished(() => source.close())
  return source
}

function setUp() {
  const queue = new MemoryQueue()
  const memory = new MemoryRepository()
  const deps = { queue, repository: memory as unknown as IngestRepository, runs: memory, places: NO_PLACES }
  let runs = 0
  const options = (changes: Partial<EnqueueOptions> = {}): EnqueueOptions => ({
    runId: `run${++runs}`,
    modelId: 1,
    model: MODEL,
    photosPerJob: 4,
    labelSets: ['taken_time'],
    store: true,
    maxWaiting: 1000,
    ...changes,
  })
  return { queue, memory, deps, options }
}

/** What workers do to batches, as far as producers notice. */
function work(queue: MemoryQueue, memory: MemoryRepository, fails: readonly string[] = []): void {
  for (const { photos } of queue.added)
    for (const { id } of photos)
      if (fails.includes(id)) memory.failed.set(id, 'HTTP_404')
      else if (!memory.failed.has(id)) memory.embedded.add(id)
  queue.batches.clear()
}

const id = (number: number) => photoValues(number).photo_id!

describe('enqueue', () => {
  test('records photos and batches and enqueues what a worker needs to know', async () => {
    const { queue, memory, deps, options } = setUp()
    const summary = await enqueue(await open(tsv(numbered(10))), deps, options())
    expect(summary).toMatchObject({ rows: 10, photos: 10, badRows: 0, enqueuedPhotos: 10, enqueuedBatches: 3 })
    expect(queue.added.map(batch => batch.photos.length)).toEqual([4, 4, 2])
    expect(memory.photos.size).toBe(10)
    expect(memory.finishedRuns).toContain('run1')
    const [first] = queue.added
    expect(first).toEqual({
      id: first!.id,
      parentId: first!.id,
      runId: 'run1',
      model: 'clip@fp32',
      revision: 'abc',
      photos: [1, 2, 3, 4].map(n => ({
        id: id(n),
        url: `https://images.unsplash.com/${id(n)}?w=640&fm=jpg&q=85&fit=max`,
      })),
      attempt: 1,
      store: true,
      labelSets: ['taken_time'],
      priority: 'normal',
    })
    expect([...memory.batches.keys()]).toEqual(queue.added.map(batch => batch.id))
  })

  test('enqueues nothing new for the same input, before, during and after the work', async () => {
    const { queue, memory, deps, options } = setUp()
    const content = tsv(numbered(10))
    await enqueue(await open(content), deps, options())
    const before = queue.added
    const during = await enqueue(await open(content), deps, options())
    expect(during).toMatchObject({ enqueuedBatches: 0, enqueuedPhotos: 0, alreadyQueued: 10 })
    expect(queue.added).toEqual(before)
    work(queue, memory, [id(3)])
    const after = await enqueue(await open(content), deps, options())
    expect(after).toMatchObject({
      enqueuedBatches: 0,
      enqueuedPhotos: 0,
      alreadyQueued: 0,
      alreadyEmbedded: 9,
      previouslyFailed: 1,
    })
    expect(queue.added).toEqual([])
  })

  test('enqueues only the batches of rows that were added', async () => {
    const { queue, memory, deps, options } = setUp()
    await enqueue(await open(tsv(numbered(8))), deps, options())
    work(queue, memory)
    const summary = await enqueue(await open(tsv(numbered(11))), deps, options())
    expect(summary).toMatchObject({ alreadyEmbedded: 8, enqueuedPhotos: 3, enqueuedBatches: 1 })
  })

  test('enqueues a batch again that was recorded but never reached the queue', async () => {
    const { queue, deps, options } = setUp()
    const content = tsv(numbered(10))
    queue.failNextAdd = new Error('out of memory')
    await expect(enqueue(await open(content), deps, options())).rejects.toThrow('out of memory')
    expect(queue.added).toEqual([])
    expect(await enqueue(await open(content), deps, options())).toMatchObject({ enqueuedPhotos: 10 })
  })

  test('goes on when the queue was away, and says so', async () => {
    const { queue, deps, options } = setUp()
    queue.failNextAdd = new AppError('QUEUE_UNREACHABLE', 'The queue is away.')
    const reasons: (WaitReason | null)[] = []
    const summary = await enqueue(
      await open(tsv(numbered(10))),
      deps,
      options({ onWait: reason => reasons.push(reason) }),
    )
    expect(summary).toMatchObject({ enqueuedPhotos: 10, enqueuedBatches: 3 })
    expect(reasons).toEqual([{ kind: 'away', message: expect.stringContaining('The queue is away.') }, null])
  })

  test('can be stopped while the queue is away', async () => {
    const { queue, deps, options } = setUp()
    queue.add = () => Promise.reject(new AppError('QUEUE_UNREACHABLE', 'The queue is away.'))
    const controller = new AbortController()
    const onWait = () => controller.abort()
    const stopped = enqueue(await open(tsv(numbered(10))), deps, options({ signal: controller.signal, onWait }))
    await expect(stopped).rejects.toMatchObject({ code: 'INTERRUPTED' })
  })

  test('pins the priority of the run in every batch, and tells the id of each', async () => {
    const { queue, deps, options } = setUp()
    const asked: string[] = []
    const changes = { priority: 'high', onBatch: (id: string) => asked.push(id) } as const
    await enqueue(await open(tsv(numbered(10))), deps, options(changes))
    expect(queue.added.map(batch => batch.priority)).toEqual(['high', 'high', 'high'])
    await enqueue(await open(tsv(numbered(10))), deps, options(changes))
    expect(asked).toEqual([...queue.added, ...queue.added].map(batch => batch.id))
  })

  test('adds a batch that a worker of a cancelled run has let go of only once it has left the queue', async () => {
    const { queue, memory, deps, options } = setUp()
    const content = tsv(numbered(10))
    await enqueue(await open(content), deps, options())
    const [first, second] = queue.added
    for (const { id } of [first!, second!]) queue.batches.get(id)!.state = 'active'
    memory.leaving.add(first!.id)
    const again = enqueue(await open(content), deps, options())
    await until('the producer has asked', () => !memory.leaving.has(first!.id))
    queue.batches.delete(first!.id)
    expect(await again).toMatchObject({ enqueuedPhotos: 4, alreadyQueued: 6 })
    expect((await queue.states([first!.id])).get(first!.id)).toBe('waiting')
  })

  test('enqueues a batch again that failed every attempt', async () => {
    const { queue, deps, options } = setUp()
    const content = tsv(numbered(10))
    await enqueue(await open(content), deps, options())
    queue.batches.get(queue.added[1]!.id)!.state = 'failed'
    expect(await enqueue(await open(content), deps, options())).toMatchObject({ enqueuedPhotos: 4, alreadyQueued: 6 })
    expect((await queue.counts()).waiting).toBe(3)
  })

  test('leaves out embedded photos one by one with onlyMissing, and in whole batches without', async () => {
    for (const onlyMissing of [true, false]) {
      const { queue, memory, deps, options } = setUp()
      for (const number of [1, 2, 3, 4, 5]) memory.embedded.add(id(number))
      const summary = await enqueue(await open(tsv(numbered(10))), deps, options({ onlyMissing }))
      expect(summary).toMatchObject({ alreadyEmbedded: 5, enqueuedPhotos: 5, enqueuedBatches: 2 })
      expect(queue.added.flatMap(batch => batch.photos)).toHaveLength(onlyMissing ? 5 : 6)
    }
  })

  test('reports every bad row, counts them by problem and keeps a few as examples', async () => {
    const { deps, options } = setUp()
    const lines = Array.from({ length: 20 }, () => 'too\tfew')
    const found: BadRow[] = []
    const content = `${tsv(numbered(2))}${lines.join('\n')}\n${tsvLine(photoValues(1))}\n`
    const summary = await enqueue(await open(content), deps, options({ onBadRow: row => found.push(row) }))
    expect(summary).toMatchObject({
      rows: 23,
      photos: 2,
      badRows: 21,
      badRowsByProblem: { WRONG_COLUMN_COUNT: 20, DUPLICATE_ID: 1 },
    })
    expect(summary.badRowExamples.map(row => row.line)).toEqual([4, 5, 6, 7, 8, 24])
    expect(found).toHaveLength(21)
  })

  test('counts values that did not fit by their column', async () => {
    const { deps, options } = setUp()
    const rows = [photoValues(1, { exif_iso: 'x' }), photoValues(2, { exif_iso: 'y', photo_width: 'z' })]
    const summary = await enqueue(await open(tsv(rows)), deps, options())
    expect(summary).toMatchObject({
      photos: 2,
      valueWarnings: 3,
      valueWarningsByKind: { 'BAD_VALUE exif_iso': 2, 'BAD_VALUE photo_width': 1 },
    })
  })

  test('never hands more than eight batches of photos to the database at once', async () => {
    const { memory, deps, options } = setUp()
    await enqueue(await open(tsv(numbered(500))), deps, options())
    expect(memory.largestCall.photos).toBe(32)
  })

  test('refuses a bad template before anything is read', async () => {
    const { memory, deps, options } = setUp()
    const refused = enqueue(await open(tsv(numbered(3))), deps, options({ urlTemplate: 'https://a/{x}' }))
    await expect(refused).rejects.toMatchObject({ code: 'USAGE' })
    expect(memory.photos.size).toBe(0)
  })

  test('stops when it is told to, keeps what it did, and goes on from there the next time', async () => {
    const { queue, deps, options } = setUp()
    const content = tsv(numbered(100))
    const controller = new AbortController()
    const stopped = enqueue(
      await open(content),
      deps,
      options({ signal: controller.signal, onProgress: () => controller.abort() }),
    )
    await expect(stopped).rejects.toMatchObject({ code: 'INTERRUPTED' })
    expect(queue.added).toHaveLength(8)
    expect(await enqueue(await open(content), deps, options())).toMatchObject({ alreadyQueued: 32, enqueuedPhotos: 68 })
  })
})

test('a photo that the database refuses is a bad row, and is not enqueued', async () => {
  const { queue, memory, deps, options } = setUp()
  memory.refuses = id(2)
  const seen: BadRow[] = []
  const summary = await enqueue(await open(tsv(numbered(5))), deps, {
    ...options(),
    onBadRow: row => seen.push(row),
  })
  expect(summary).toMatchObject({ rows: 5, photos: 4, enqueuedPhotos: 4, badRows: 1, badRowsByProblem: { REFUSED: 1 } })
  expect(seen).toMatchObject([{ line: 3, problem: { code: 'REFUSED', found: 'too wide' } }])
  expect(queue.added.flatMap(batch => batch.photos.map(photo => photo.id))).toEqual([1, 3, 4, 5].map(id))
})

describe('dryRun', () => {
  test('counts what would be enqueued', async () => {
    const summary = await dryRun(await open(`${tsv(numbered(10))}bad\n`), { photosPerJob: 4, selection: { limit: 9 } })
    expect(summary).toMatchObject({ rows: 9, photos: 9, enqueuedPhotos: 9, enqueuedBatches: 3 })
  })
})

describe('photos of the database', () => {
  test('enqueueMissing enqueues those without embedding, but not those that failed for good', async () => {
    const { queue, memory, deps, options } = setUp()
    await enqueue(await open(tsv(numbered(10))), deps, options())
    queue.batches.clear()
    for (const number of [1, 2]) memory.embedded.add(id(number))
    memory.failed.set(id(3), 'HTTP_404')
    const summary = await enqueueMissing(deps, options())
    expect(summary).toMatchObject({ photos: 10, enqueuedPhotos: 7, previouslyFailed: 1, alreadyEmbedded: 2 })
    expect(queue.added[0]?.photos[0]?.url).toMatch(/w=640/)
  })

  test('enqueueMissing takes what was recorded in its old batches, and what was not in new ones', async () => {
    const { queue, memory, deps, options } = setUp()
    await enqueue(await open(tsv(numbered(12))), deps, options())
    const [lost, done, waiting] = queue.added
    for (const photo of done!.photos) memory.embedded.add(photo.id)
    queue.batches.delete(lost!.id)
    queue.batches.delete(done!.id)
    for (const { id } of [lost!.photos[0]!, lost!.photos[1]!]) memory.embedded.add(id)
    await memory.upsertPhotos([13, 14].map(number => barePhoto(id(number), `https://images.example/${number}`)))
    const summary = await enqueueMissing(deps, options())
    expect(summary).toMatchObject({ photos: 10, enqueuedPhotos: 4, alreadyQueued: 4, alreadyEmbedded: 2 })
    expect(queue.added.map(batch => batch.photos.map(photo => photo.id))).toEqual([
      waiting!.photos.map(photo => photo.id),
      lost!.photos.map(photo => photo.id),
      [13, 14].map(id),
    ])
    expect(queue.added[1]).toMatchObject({ id: lost!.id, parentId: lost!.id })
  })

  test('enqueueMissing takes no more than the limit, in whole batches where they fit', async () => {
    const { queue, deps, options } = setUp()
    await enqueue(await open(tsv(numbered(12))), deps, options())
    queue.batches.clear()
    expect(await enqueueMissing(deps, { ...options(), limit: 6 })).toMatchObject({ photos: 6, enqueuedPhotos: 6 })
    expect(queue.added.map(batch => batch.photos.length)).toEqual([4, 2])
  })

  test('a photo whose template was given on another machine is left out, and the others of its batch are not', async () => {
    const { queue, memory, deps, options } = setUp()
    const environment = { TOKEN: 'x' }
    await enqueue(await open(tsv(numbered(6))), deps, options())
    queue.batches.clear()
    memory.templates.set(id(2), 'https://photos.test/{photo_id}?v=$' + '{TOKEN}')
    memory.templates.set(id(6), 'https://photos.test/{photo_id}?v=$' + '{TOKEN}')
    const summary = await enqueueMissing(deps, { ...options(), environment })
    const leftOut = { photos: 2, reason: expect.stringContaining('was not given on this machine') }
    expect(summary).toMatchObject({ photos: 4, enqueuedPhotos: 4, leftOut })
    expect(queue.added.flatMap(batch => batch.photos.map(photo => photo.id)).sort()).toEqual([1, 3, 4, 5].map(id))
    memory.failed.set(id(1), 'HTTP_404').set(id(2), 'HTTP_404')
    const retried = await enqueueFailed(deps, undefined, { ...options(), environment })
    expect(retried).toMatchObject({ photos: 1, enqueuedPhotos: 1, leftOut: { photos: 1 } })
    expect([...memory.failed.keys()]).toEqual([id(2)])
  })

  test('enqueueLost enqueues what the queue has lost of a run', async () => {
    const { queue, deps, options } = setUp()
    const first = options()
    await enqueue(await open(tsv(numbered(10))), deps, first)
    const lost = queue.added[1]!
    queue.batches.delete(lost.id)
    expect(await enqueueLost(deps, first)).toBe(1)
    expect(queue.added.map(batch => batch.id)).toContain(lost.id)
    expect(await enqueueLost(deps, first)).toBe(0)
    expect(await enqueueLost(deps, options())).toBe(0)
  })

  test('enqueueFailed tries failed photos again, every time anew, optionally those of one code', async () => {
    const { queue, memory, deps, options } = setUp()
    await enqueue(await open(tsv(numbered(10))), deps, options())
    const failing = [1, 2, 3, 4].map(id)
    work(queue, memory, failing)
    memory.embedded.delete(id(5))
    memory.failed.set(id(5), 'TOO_LARGE')
    for (let time = 0; time < 2; time++) {
      const summary = await enqueueFailed(deps, 'HTTP_404', options())
      expect(summary).toMatchObject({ photos: 4, enqueuedPhotos: 4, enqueuedBatches: 1 })
      expect(queue.added.flatMap(batch => batch.photos.map(photo => photo.id))).toEqual(failing)
      work(queue, memory, failing)
    }
    expect(await enqueueFailed(deps, undefined, options({ store: false }))).toMatchObject({ enqueuedPhotos: 5 })
    expect(memory.failed.size).toBe(0)
  })

  test('takes no more than the limit', async () => {
    const { memory, deps, options } = setUp()
    await enqueue(await open(tsv(numbered(10))), deps, options())
    for (let number = 1; number <= 10; number++) memory.failed.set(id(number), 'HTTP_404')
    expect(await enqueueFailed(deps, undefined, { ...options(), limit: 3 })).toMatchObject({ enqueuedPhotos: 3 })
    expect(memory.failed.size).toBe(7)
  })
})
