import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compareStates, type EndState } from './support/end-state.js'
import { Fleet, stopwatch, type WorkerHost } from './support/fleet.js'
import { hasNetworks } from './support/network.js'
import { copyPackage } from './support/package-copy.js'
import { hasServers } from './support/stage.js'

const SECOND = 1000
const MINUTE = 60 * SECOND
const PHOTOS = 480
/** Photos that are embedded before the fault. */
const BEFORE = 48
const EXIT_WITHIN_SECONDS = 10

interface Scenario {
  name: string
  seconds: number
  begin: (fleet: Fleet) => Promise<unknown> | unknown
  /** Undefined: the fault stays. */
  end?: (fleet: Fleet) => Promise<unknown> | unknown
  /** Gets SIGTERM in the middle of the fault, and a worker in its place at the end of it. */
  stopped: WorkerHost
  /** Every other photo is on the second image host. */
  paused?: boolean
}

const loseInbound = (host: 'postgres' | 'redis') => ({
  begin: (fleet: Fleet) => fleet.network.setInbound(host, 'lost'),
  end: (fleet: Fleet) => fleet.network.setInbound(host, 'passed'),
})
const readOnly = (value: 'on' | 'off') => async (fleet: Fleet) => {
  await fleet.query(`alter system set default_transaction_read_only = ${value}`)
  await fleet.query('select pg_reload_conf()')
}

const SCENARIOS: Scenario[] = [
  {
    name: 'a worker host is off the network for 60 s',
    seconds: 60,
    begin: ({ network }) => network.setLink('worker1', 'down'),
    end: ({ network }) => network.setLink('worker1', 'up'),
    stopped: 'worker1',
  },
  {
    name: 'a worker host is off the network for good',
    seconds: 30,
    begin: ({ network }) => network.setLink('worker1', 'down'),
    stopped: 'worker1',
  },
  { name: 'what is sent to Postgres is lost for 40 s', seconds: 40, ...loseInbound('postgres'), stopped: 'worker2' },
  { name: 'what is sent to Redis is lost for 40 s', seconds: 40, ...loseInbound('redis'), stopped: 'worker2' },
  {
    name: 'the database is read-only for 60 s',
    seconds: 60,
    begin: readOnly('on'),
    end: readOnly('off'),
    stopped: 'worker2',
  },
  {
    name: 'the disk of the database is full for 60 s',
    seconds: 60,
    begin: fleet => fleet.setDiskFull(true),
    end: fleet => fleet.setDiskFull(false),
    stopped: 'worker2',
  },
  {
    name: 'an image host asks for a pause of 31 years beside a healthy one',
    seconds: 40,
    begin: fleet => {
      fleet.pausedImages.retryAfter = '999999999'
    },
    end: async fleet => {
      // Workers remember pauses, too.
      await fleet.workers.get('worker1')!.stop()
      fleet.pausedImages.retryAfter = undefined
      await fleet.endPauses()
      fleet.startWorker('worker1')
    },
    stopped: 'worker2',
    paused: true,
  },
]

interface Result {
  lost: string[]
  surplus: string[]
  attempts: number
  exitSeconds: number
  /** By itself: with code 0, or by the default action of SIGTERM where something hung to the last. */
  exitedByItself: boolean
}

const found = [hasServers(), hasNetworks()].every(Boolean)

/** All of them at the same time, each on a network of its own: nearly all of it is waiting. */
describe.skipIf(!found).concurrent('several hosts end as if nothing had happened, and stop at once, when', () => {
  let packages: string
  let undisturbed: Promise<EndState>
  const fleets: Fleet[] = []
  const rows: { scenario: string; result: Result }[] = []

  beforeAll(async () => {
    packages = await mkdtemp(join(tmpdir(), 'uc-fleet-package-'))
    await copyPackage(packages)
    undisturbed = runUndisturbed()
    undisturbed.catch(() => {})
  })
  afterAll(async () => {
    for (const fleet of fleets) await fleet.close()
    await rm(packages, { recursive: true })
    const lines = rows.map(({ scenario, result: { lost, surplus, attempts, exitSeconds } }) =>
      [
        scenario.padEnd(66),
        (lost.length + surplus.length === 0 ? 'yes' : `${lost.length} lost, ${surplus.length} too many`).padEnd(15),
        String(attempts).padEnd(16),
        exitSeconds.toFixed(1),
      ].join(' | '),
    )
    console.log(['scenario | end state equal | attempts used up | seconds SIGTERM→exit', ...lines].join('\n'))
  })

  async function open(): Promise<Fleet> {
    const fleet = await Fleet.open(packages, PHOTOS)
    fleets.push(fleet)
    return fleet
  }

  async function runUndisturbed(): Promise<EndState> {
    const fleet = await open()
    fleet.images.delayMs = 0
    fleet.startWorker('worker1')
    fleet.startWorker('worker2')
    const { code, stderr } = await (await fleet.ingest()).ended
    if (code !== 0) throw new Error(`The undisturbed run ended with ${code}: ${stderr}`)
    await fleet.idle()
    return fleet.endState()
  }

  async function run(scenario: Scenario): Promise<Result> {
    const fleet = await open()
    if (scenario.paused) await scenario.begin(fleet)
    fleet.startWorker('worker1')
    fleet.startWorker('worker2')
    const producer = await fleet.ingest({ paused: scenario.paused })
    await fleet.embedded(BEFORE, 2 * MINUTE)
    if (!scenario.paused) await scenario.begin(fleet)
    await pause((scenario.seconds / 2) * SECOND)
    const { seconds: exitSeconds, code, signal } = await stopwatch(fleet.workers.get(scenario.stopped)!)
    // The healthy image host is not held up by the other one.
    if (scenario.paused) await fleet.embedded(PHOTOS / 2, MINUTE)
    await pause(Math.max(0, scenario.seconds / 2 - exitSeconds) * SECOND)
    await scenario.end?.(fleet)
    if (scenario.end) fleet.startWorker(scenario.stopped)
    const ended = await producer.ended
    expect(ended.code, ended.stderr).toBe(0)
    await fleet.idle()
    const { lost, surplus } = compareStates(await fleet.endState(), await undisturbed)
    return {
      lost,
      surplus,
      attempts: fleet.attemptsUsed(),
      exitSeconds,
      exitedByItself: code === 0 || signal === 'SIGTERM',
    }
  }

  for (const scenario of SCENARIOS)
    test(scenario.name, { timeout: 6 * MINUTE }, async () => {
      const result = await run(scenario)
      rows.push({ scenario: scenario.name, result })
      expect({ lost: result.lost, surplus: result.surplus }).toEqual({ lost: [], surplus: [] })
      expect(result.exitedByItself).toBe(true)
      expect(result.exitSeconds).toBeLessThanOrEqual(EXIT_WITHIN_SECONDS)
      if (!scenario.paused) expect(result.attempts).toBe(0)
    })
})
