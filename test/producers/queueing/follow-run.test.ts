import { describe, expect, test } from 'vitest'
import { AppError } from '../../../src/domain/errors.js'
import type { QueueCounts } from '../../../src/domain/ports/queue.js'
import type { Run } from '../../../src/domain/ports/repository.js'
import type { BatchesProgress, SeenWorker } from '../../../src/domain/ports/run-repository.js'
import { followRun } from '../../../src/producers/queueing/follow-run.js'
import type { WaitReason } from '../../../src/producers/queueing/wait-reason.js'
import { aRunOf } from '../../support/runs.js'

interface Look {
  done?: number
  failed?: number
  enqueued?: boolean
  run?: Partial<Run>
  queue?: Partial<QueueCounts>
  asked?: Partial<BatchesProgress>[]
}

/** A run of ten photos, seen at successive looks; the last one stays. */
function looks(...sequence: Look[]) {
  let at = -1
  const current = () => sequence[Math.min(at, sequence.length - 1)]!
  const repository = {
    async run(id: string): Promise<Run> {
      at++
      const { done = 0, failed = 0, enqueued = true, run } = current()
      const enqueuedAt = enqueued ? new Date(0) : null
      return aRunOf({ id, enqueuedAt, photos: 10, done, failed, openBatches: 1, ...run })
    },
  }
  const queue = {
    async counts(): Promise<QueueCounts> {
      return { waiting: 0, active: 0, delayed: 0, failed: 0, ...current().queue }
    },
  }
  const runs = {
    async progressOf(): Promise<BatchesProgress[]> {
      const nothing = { control: 'active', photos: 10, done: 0, failed: 0, openBatches: 0, givenUpBatches: 0 } as const
      return (current().asked ?? []).map((group, i) => ({ runId: `r${i}`, ...nothing, ...group }))
    },
    async givenUpOfRun() {
      return [{ code: 'MODEL_UNKNOWN', batches: 2, photos: 3, message: 'nobody has it' }]
    },
    async workers(): Promise<SeenWorker[]> {
      return []
    },
    async assertWritable(): Promise<void> {},
  }
  return { repository, queue, runs }
}

/** Collects what is waited for, each once. */
function held() {
  const messages: string[] = []
  const onWait = (reason: WaitReason | null) => {
    if (reason !== null && reason.message !== messages.at(-1)) messages.push(reason.message)
  }
  return { messages, onWait }
}

const NOW = { intervalMs: 0 }

describe('followRun', () => {
  test('ends when every photo is embedded or failed', async () => {
    const seen: number[] = []
    const run = await followRun(
      'r',
      looks({ queue: { waiting: 2 } }, { done: 4, queue: { active: 1 } }, { done: 9, failed: 1 }),
      { ...NOW, onProgress: ({ run }) => seen.push(run.done) },
    )
    expect(run).toMatchObject({ photos: 10, done: 9, failed: 1 })
    expect(seen).toEqual([0, 4, 9])
  })

  test('does not end while the producer is still adding', async () => {
    const { run } = await followRun('r', looks({ done: 10, enqueued: false }, { done: 10 }), NOW)
    expect(run.enqueuedAt).not.toBeNull()
  })

  test('waits for the photos of earlier runs when it is asked to', async () => {
    const seen: number[] = []
    await followRun('r', looks({ done: 10, queue: { active: 1 } }, { done: 10 }), {
      ...NOW,
      untilQueueEmpty: true,
      onProgress: ({ queue }) => seen.push(queue.active),
    })
    expect(seen).toEqual([1, 0])
  })

  test('says with numbers what is left when the queue has run empty', async () => {
    const followed = followRun('r', looks({ done: 6, failed: 1 }), NOW)
    await expect(followed).rejects.toMatchObject({
      code: 'WORKER_FAILED',
      message: expect.stringMatching(/3 of the run's 10 photos.*6 embedded, 1 failed.*--only-missing/),
    })
  })

  test('is patient while photos wait to be tried again', async () => {
    const waiting = Array.from({ length: 30 }, () => ({ done: 9, queue: { delayed: 1 } }))
    expect(await followRun('r', looks(...waiting, { done: 10 }), NOW)).toMatchObject({ done: 10 })
  })

  test('says so when nobody takes the batches that wait', async () => {
    const idle = Array.from({ length: 30 }, () => ({ queue: { waiting: 2 } }))
    const { messages, onWait } = held()
    await followRun('r', looks(...idle, { done: 10 }), { ...NOW, onWait })
    expect(messages).toEqual([expect.stringMatching(/2 batches wait and no worker is alive.*unsplash-clip worker/)])
  })

  test('names the database that takes no writes, since no worker can report to it, and waits for it', async () => {
    const holding = Array.from({ length: 30 }, () => ({ queue: { active: 2 } }))
    const { messages, onWait } = held()
    const deps = looks(...holding, { done: 10 })
    let probes = 0
    deps.runs.assertWritable = async () => {
      if (probes++ === 0) throw new AppError('DATABASE_UNAVAILABLE', 'It is read-only.')
    }
    await followRun('r', deps, { ...NOW, onWait })
    expect(messages).toEqual(['It is read-only. Trying again until it is back.'])
  })

  test('goes on after an outage when it knows of no other obstacle: workers get time to notice, too', async () => {
    const holding = Array.from({ length: 15 }, () => ({ queue: { active: 2 } }))
    const told: (string | null)[] = []
    const deps = looks(...holding, { done: 10 })
    let probes = 0
    deps.runs.assertWritable = async () => {
      if (probes++ === 0) throw new AppError('DATABASE_UNAVAILABLE', 'It is read-only.')
    }
    deps.runs.workers = async () => [{ trouble: 'the database is away' } as SeenWorker]
    await followRun('r', deps, { ...NOW, onWait: reason => told.push(reason?.message ?? null) })
    expect(told).toEqual(['It is read-only. Trying again until it is back.', null])
  })

  test('stays with the pause of a run when an outage ends meanwhile', async () => {
    const paused = Array.from({ length: 6 }, () => ({ run: { state: 'paused' as const } }))
    const kinds: (string | null)[] = []
    const deps = looks(...paused, { done: 10 })
    const { counts } = deps.queue
    let looksAtQueue = 0
    deps.queue.counts = async () => {
      if (looksAtQueue++ === 1) throw new AppError('QUEUE_UNREACHABLE', 'The queue is away.')
      return counts()
    }
    await followRun('r', deps, { ...NOW, onWait: reason => kinds.push(reason?.kind ?? null) })
    expect(kinds.slice(0, 3)).toEqual(['paused', 'away', 'paused'])
    expect(kinds.slice(0, -1)).not.toContain(null)
  })

  test('says what all workers wait for while they hold their batches', async () => {
    const holding = Array.from({ length: 30 }, () => ({ queue: { waiting: 3, active: 2 } }))
    const { messages, onWait } = held()
    const deps = looks(...holding, { done: 10 })
    deps.runs.workers = async () => [{ trouble: 'the database is away' } as SeenWorker]
    await followRun('r', deps, { ...NOW, onWait })
    expect(messages).toEqual(['5 batches wait and no worker goes on: the database is away'])
  })

  test('says what troubles the workers when they take nothing', async () => {
    const idle = Array.from({ length: 30 }, () => ({ queue: { waiting: 2 } }))
    const { messages, onWait } = held()
    const deps = looks(...idle, { done: 10 })
    deps.runs.workers = async () => [{ trouble: 'the object store is away' } as SeenWorker]
    await followRun('r', deps, { ...NOW, onWait })
    expect(messages).toEqual(['2 batches wait and no worker takes them: the object store is away'])
  })

  test('waits for a paused run, however empty the queue is, and says how to resume it', async () => {
    const paused = Array.from({ length: 30 }, () => ({ run: { state: 'paused' as const } }))
    const { messages, onWait } = held()
    expect(await followRun('r', looks(...paused, { done: 10 }), { ...NOW, onWait })).toMatchObject({ done: 10 })
    expect(messages).toEqual([expect.stringContaining('unsplash-clip run resume r')])
  })

  test('ends with an error when the run is cancelled', async () => {
    const followed = followRun('r', looks({ done: 3 }, { done: 3, run: { state: 'cancelled' } }), NOW)
    await expect(followed).rejects.toMatchObject({ code: 'RUN_CANCELLED' })
  })

  test('tells why batches were given up, although the queue holds work of others', async () => {
    const run = { openBatches: 0, givenUpBatches: 2 }
    const followed = followRun('r', looks({ done: 7, run, queue: { active: 3 } }), NOW)
    await expect(followed).rejects.toMatchObject({
      code: 'WORKER_FAILED',
      message: expect.stringMatching(/3 of the run's 10 photos.*MODEL_UNKNOWN, 2 batches: nobody has it/s),
    })
  })

  test('has what the queue has lost enqueued again, and gives up when that does not help', async () => {
    const { messages, onWait } = held()
    let refills = 0
    const refill = async () => ++refills
    const lost = Array.from({ length: 6 }, () => ({ done: 6 }))
    const deps = looks(...lost, { done: 10 })
    expect(await followRun('r', deps, { ...NOW, onWait, refill })).toMatchObject({ done: 10 })
    expect(refills).toBe(1)
    expect(messages).toEqual([expect.stringMatching(/4 photos were left.*1 batch was enqueued again/)])
    await expect(followRun('r', looks({ done: 6 }), { ...NOW, refill })).rejects.toMatchObject({
      code: 'WORKER_FAILED',
    })
  })

  test('waits for batches that another run asked for since, and counts them', async () => {
    const mine = { runId: 'r', photos: 4, done: 4 }
    const theirs = { runId: 'other', photos: 6, done: 2, openBatches: 1 }
    const ended = { photos: 4, done: 4 }
    const { messages, onWait } = held()
    const deps = looks(
      { done: 4, run: ended, asked: [mine, theirs], queue: { active: 1 } },
      { done: 4, run: ended, asked: [mine, { ...theirs, done: 5, failed: 1, openBatches: 0 }] },
    )
    const followed = await followRun('r', deps, { ...NOW, onWait, asked: ['a', 'b'] })
    expect(followed).toMatchObject({ photos: 10, done: 9, failed: 1 })
    expect(messages).toEqual([expect.stringContaining('asked for again by run other')])
  })

  test('ends with an error when the run that asked for its batches since is cancelled', async () => {
    const theirs = { runId: 'other', openBatches: 1, control: 'cancelled' as const }
    const deps = looks({ run: { photos: 0 }, asked: [theirs] })
    await expect(followRun('r', deps, { ...NOW, asked: ['a'] })).rejects.toMatchObject({ code: 'RUN_CANCELLED' })
  })

  test('stops when it is told to', async () => {
    const controller = new AbortController()
    const followed = followRun('r', looks({ queue: { waiting: 1 } }), {
      intervalMs: 60_000,
      signal: controller.signal,
      onProgress: () => queueMicrotask(() => controller.abort()),
    })
    await expect(followed).rejects.toMatchObject({ code: 'INTERRUPTED' })
  })

  test('refuses a run that does not exist', async () => {
    const repository = { run: async () => null }
    await expect(followRun('r', { ...looks({}), repository }, NOW)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
