import { resolve } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Supervisor, type SupervisorOptions } from '../../../src/workers/supervisor/supervisor.js'
import type { Crash } from '../../../src/workers/supervisor/worker-process.js'
import { until } from '../../support/until.js'

const CHILD = resolve('test/workers/supervisor/child.mjs')

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('a supervisor', () => {
  const opened: Supervisor[] = []
  const lines: string[] = []
  const crashes: Crash[] = []

  const supervise = (behaviour: string[], options: Partial<SupervisorOptions> = {}): Supervisor => {
    const supervisor = new Supervisor({
      processes: 2,
      environment: {},
      onLine: line => lines.push(line),
      onCrash: crash => crashes.push(crash),
      restartDelayMs: () => 1,
      program: [process.execPath, CHILD, ...behaviour],
      ...options,
    })
    opened.push(supervisor)
    return supervisor.start()
  }
  const allWork = (supervisor: Supervisor) => until('all to work', () => supervisor.working === 2)
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(supervisor => supervisor.stop()))
    lines.length = 0
    crashes.length = 0
  })

  test('stops them all, and what they have done is one sum', async () => {
    const listeners = process.listenerCount('exit')
    const supervisor = supervise(['work'])
    await allWork(supervisor)
    const { pids } = supervisor
    await supervisor.stop()
    expect(pids.filter(isAlive)).toEqual([])
    expect(supervisor.stats()).toMatchObject({ batches: 2, embedded: 20, failed: 4, retried: 0 })
    expect(supervisor.failure).toBeUndefined()
    expect(process.listenerCount('exit')).toBe(listeners)
  })

  test('puts another in the place of one that is killed, and forgets nothing that it had done', async () => {
    const supervisor = supervise(['work'])
    await allWork(supervisor)
    const [killed] = supervisor.pids
    process.kill(killed!, 'SIGKILL')
    await until('another one', () => supervisor.working === 2 && !supervisor.pids.includes(killed!))
    expect(crashes).toMatchObject([{ pid: killed, signal: 'SIGKILL', exitCode: null, crashes: 1 }])
    expect(supervisor.restarts).toBe(1)
    expect(supervisor.stats()).toMatchObject({ embedded: 30, failed: 6 })
    supervisor.assertAlive()
  })

  test('never gives up on one that crashes, but waits longer each time', async () => {
    const pauses: number[] = []
    supervise(['crash'], {
      processes: 1,
      restartDelayMs: count => {
        pauses.push(count)
        return 2 ** count
      },
    })
    await until('crashes', () => crashes.length >= 6)
    expect(pauses.slice(0, 6)).toEqual([1, 2, 3, 4, 5, 6])
    expect(crashes.slice(0, 3)).toMatchObject([{ restartInMs: 2 }, { restartInMs: 4 }, { restartInMs: 8 }])
  })

  test('tells a command that waits for the work when none can start, with their last words', async () => {
    const supervisor = supervise(['crash', 'no memory\n'])
    await until('it to be hopeless', () => {
      try {
        supervisor.assertAlive()
      } catch (error) {
        expect(error).toMatchObject({ code: 'WORKER_FAILED', message: expect.stringContaining('no memory') })
        return true
      }
      return false
    })
  })

  test('ends with the error of one that was started wrongly, and starts none again', async () => {
    const supervisor = supervise(['wrong'])
    await supervisor.done
    expect(supervisor.failure).toMatchObject({ code: 'CONFIG_INVALID', message: 'MODEL: expected one that exists' })
    expect(supervisor.restarts).toBe(0)
    expect(() => supervisor.assertAlive()).toThrow('MODEL: expected one that exists')
  })

  test('ends with their error when none of them can start', async () => {
    const supervisor = supervise(['unable'])
    await supervisor.done
    expect(supervisor.failure).toMatchObject({ code: 'MODEL_NOT_FOUND' })
    expect(supervisor.pids).toEqual([])
  })

  test('ends when all have ended in order', async () => {
    const supervisor = supervise(['done'])
    await supervisor.done
    expect(supervisor.failure).toBeUndefined()
    expect(crashes).toEqual([])
    expect(supervisor.stats()).toMatchObject({ embedded: 20 })
  })

  test('can be stopped while all wait for their next start', async () => {
    const supervisor = supervise(['crash'], { restartDelayMs: () => 3_600_000 })
    await until('both to have crashed', () => crashes.length === 2)
    await supervisor.stop()
    expect(supervisor.failure).toBeUndefined()
  })

  test('can be stopped before any has come up', async () => {
    const supervisor = supervise(['work'])
    await supervisor.stop()
    expect(crashes).toEqual([])
  })

  test('keeps lines whole, however they arrive', async () => {
    const supervisor = supervise(['work', '{"a":', '1}\n{"b"', ':"ü"}\nlast'], { processes: 1 })
    await until('it to work', () => supervisor.working === 1)
    await supervisor.stop()
    expect(lines).toEqual(['{"a":1}', '{"b":"ü"}', 'last'])
  })
})
