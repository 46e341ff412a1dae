import { describe, expect, it } from 'vitest'
import type { QueueCounts } from '../../src/domain/ports/queue.js'
import type { Run } from '../../src/domain/ports/repository.js'
import { followRun } from '../../src/producers/follow-run.js'

interface Look {
  done?: number
  failed?: number
  enqueued?: boolean
  queue?: Partial<QueueCounts>
}

/** A run of ten photos, seen at successive looks; the last one stays. */
function looks(...sequence: Look[]) {
  let at = 0
  const current = () => sequence[Math.min(at, sequence.length - 1)]!
  const repository = {
    async run(id: string): Promise<Run> {
      const { done = 0, failed = 0, enqueued = true } = current()
      const enqueuedAt = enqueued ? new Date(0) : null
      const modelKey = 'clip@fp32'
      return { id, modelKey, source: 'x', createdAt: new Date(0), enqueuedAt, photos: 10, done, failed }
    },
  }
  const queue = {
    async counts(): Promise<QueueCounts> {
      const counts = { waiting: 0, active: 0, delayed: 0, failed: 0, ...current().queue }
      at++
      return counts
    },
  }
  return { repository, queue }
}

const NOW = { intervalMs: 0 }

describe('followRun', () => {
  it('ends when every photo is embedded or failed', async () => {
    const seen: number[] = []
    const run = await followRun(
      'r',
      looks({ queue: { waiting: 2 } }, { done: 4, queue: { active: 1 } }, { done: 9, failed: 1 }),
      { ...NOW, onProgress: ({ run }) => seen.push(run.done) },
    )
    expect(run).toMatchObject({ done: 9, failed: 1 })
    expect(seen).toEqual([0, 4, 9])
  })

  it('does not end while the producer is still adding', async () => {
    const run = await followRun('r', looks({ done: 10, enqueued: false }, { done: 10 }), NOW)
    expect(run.enqueuedAt).not.toBeNull()
  })

  it('waits for the photos of earlier runs when it is asked to', async () => {
    const seen: number[] = []
    await followRun('r', looks({ done: 10, queue: { active: 1 } }, { done: 10 }), {
      ...NOW,
      untilQueueEmpty: true,
      onProgress: ({ queue }) => seen.push(queue.active),
    })
    expect(seen).toEqual([1, 0])
  })

  it('says with numbers what is left when the queue has run empty', async () => {
    const followed = followRun('r', looks({ done: 6, failed: 1, queue: { failed: 2 } }), NOW)
    await expect(followed).rejects.toMatchObject({
      code: 'WORKER_FAILED',
      message: expect.stringMatching(/3 of the run's 10 photos.*6 embedded, 1 failed; 2 batches.*--only-missing/),
    })
  })

  it('is patient while photos wait to be tried again', async () => {
    const waiting = Array.from({ length: 30 }, () => ({ done: 9, queue: { delayed: 1 } }))
    expect(await followRun('r', looks(...waiting, { done: 10 }), NOW)).toMatchObject({ done: 10 })
  })

  it('says so once when nobody takes the batches that wait', async () => {
    const idle = Array.from({ length: 30 }, () => ({ queue: { waiting: 2 } }))
    const messages: string[] = []
    await followRun('r', looks(...idle, { done: 10 }), { ...NOW, onIdle: message => messages.push(message) })
    expect(messages).toEqual([expect.stringMatching(/2 batches wait.*unsplash-clip worker/)])
  })

  it('stops when it is told to', async () => {
    const controller = new AbortController()
    const followed = followRun('r', looks({ queue: { waiting: 1 } }), {
      intervalMs: 60_000,
      signal: controller.signal,
      onProgress: () => queueMicrotask(() => controller.abort()),
    })
    await expect(followed).rejects.toMatchObject({ code: 'INTERRUPTED' })
  })

  it('refuses a run that does not exist', async () => {
    const { queue } = looks({})
    const repository = { run: async () => null }
    await expect(followRun('r', { repository, queue }, NOW)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
