// A running server, clients, and words that nobody has asked for.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent } from 'undici'
import { PROGRAM } from '../support/model-home.mjs'
import { round } from '../support/report.mjs'

const THINGS = ['dog', 'house', 'boat', 'tree', 'car', 'cat', 'bridge', 'street', 'mountain', 'lamp', 'garden', 'bird']
const LOOKS = ['red', 'blue', 'green', 'old', 'small', 'large', 'bright', 'dark', 'wooden', 'white', 'quiet', 'empty']
const PLACES = ['in the snow', 'at night', 'by the sea', 'in a room', 'on a meadow', 'under clouds', 'in the rain']

/** Every call gives other words. */
export function newWords() {
  let count = 0
  return () => {
    const i = count++
    const pick = (list, step) => list[Math.floor(i / step) % list.length]
    const about = `a ${pick(LOOKS, 1)} ${pick(THINGS, LOOKS.length)} ${pick(PLACES, LOOKS.length * THINGS.length)}`
    return `${about}, number ${i} of ${process.pid}`
  }
}

/** `serve`, with an agent of its own. */
export async function startServer(env) {
  const child = spawn(process.execPath, [PROGRAM, 'serve', '--port', '0', '--requests-per-minute', '0', '--json'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(child.stdout, 'data')
  const { url } = JSON.parse(String(line))
  const agent = new Agent({ connections: 256, pipelining: 1 })
  return {
    url,
    /** @returns the status, the time to the last byte in ms, and the body */
    async ask(path, { method = 'GET', body } = {}) {
      const startedAt = performance.now()
      const { statusCode, body: answer } = await agent.request({
        ...{ origin: url, path, method, body: body === undefined ? undefined : JSON.stringify(body) },
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
      })
      const text = await answer.text()
      return { status: statusCode, ms: performance.now() - startedAt, text }
    },
    /** Linux only: NaN elsewhere. */
    residentMib() {
      try {
        return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) / 1024
      } catch {
        return Number.NaN
      }
    },
    async stop() {
      await agent.close()
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

/** Does work `count` times, shared by clients. @returns the ms of each, and the seconds of all */
export async function load(clients, count, work) {
  const times = []
  let left = count
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      while (left-- > 0) times.push(await work(client))
    }),
  )
  return { times, seconds: (performance.now() - startedAt) / 1000 }
}

export function summary(times) {
  const sorted = times.toSorted((a, b) => a - b)
  const at = share => round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))])
  return { p50: at(0.5), p95: at(0.95) }
}
