import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { anySignal } from '../../domain/signals/any-signal.js'
import { SECOND } from '../../domain/units.js'
import { viewRun } from '../../producers/runs/run-view.js'
import type { Caller } from '../access/caller.js'
import type { HttpApp } from '../http-app.js'
import type { HttpParts } from '../parts.js'
import { overloaded } from '../plugins/admission.js'
import { PROBLEMS } from '../schemas/problem.js'
import { OneRun, Run, runNotFound, shownRun } from '../schemas/run.js'

const MAX_STREAMS = 20
const POLL_MS = SECOND
/** Shorter than any proxy's patience with a silent connection. */
const HEARTBEAT_MS = 15 * SECOND

/** Of `run`, and of `end`. */
const EventData = z.union([Run, z.strictObject({})])

const SILENCE = Symbol('silence')

type ShownRun = z.output<typeof Run>

/** The progress of a run as it happens. */
export function addRunEventRoutes(app: HttpApp, { ingest, runs }: HttpParts): void {
  let streams = 0
  const stopped = new AbortController()
  app.addHook('preClose', async () => stopped.abort())

  app.get(
    '/runs/:id/events',
    {
      // It takes no place of the requests in work, and has no time limit.
      config: { scope: 'ingest', light: true },
      schema: {
        operationId: 'runEvents',
        summary: 'The progress of a run, as server-sent events',
        description: `\`event: run\` with the run as JSON, at once and whenever it changes; each is complete, so that nothing is missed after a new connection. \`event: end\` follows the last one of a run that is done or cancelled: close the connection then. A comment comes after ${HEARTBEAT_MS / SECOND} s without events.`,
        tags: ['runs'],
        params: OneRun,
        response: {
          200: { description: 'Events; `data` is a run.', content: { 'text/event-stream': { schema: EventData } } },
          ...PROBLEMS,
        },
      },
    },
    async ({ params: { id }, method, cancelled, caller }, reply) => {
      if (streams >= MAX_STREAMS) throw overloaded(`${MAX_STREAMS} clients follow runs already`)
      const first = await state(id)
      if (first === null) throw runNotFound(id)
      reply.type('text/event-stream').headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
      // Fastify reads to its end what it does not send for HEAD.
      if (method === 'HEAD') return Readable.from([]) as never
      return Readable.from(events(id, first, caller, cancelled)) as never
    },
  )

  async function state(id: string): Promise<ShownRun | null> {
    const run = await ingest.run(id)
    return run && shownRun(viewRun(run, await runs.workers()))
  }

  async function* events(id: string, first: ShownRun, caller: Caller, cancelled: AbortSignal): AsyncGenerator<string> {
    streams++
    const signal = anySignal([stopped.signal, cancelled])
    const left = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    left.catch(() => {})
    const next = async () => {
      await pause(POLL_MS, undefined, { signal })
      return state(id)
    }
    try {
      signal.throwIfAborted()
      yield `retry: 5000\n\n${eventOf(first)}`
      let last = eventOf(first)
      let isOver = hasEnded(first)
      let saidAt = Date.now()
      let asked: ReturnType<typeof next> | undefined
      while (!isOver) {
        asked ??= next()
        asked.catch(() => {})
        const run = await withinMs(Promise.race([asked, left]), saidAt + HEARTBEAT_MS - Date.now())
        if (run !== SILENCE) asked = undefined
        if (run !== SILENCE && !(await caller.isStillValid())) return
        isOver = run === null || (run !== SILENCE && hasEnded(run))
        const event = run === SILENCE || run === null ? last : eventOf(run)
        if (event === last && Date.now() - saidAt < HEARTBEAT_MS) continue
        yield event === last ? ': still there\n\n' : event
        last = event
        saidAt = Date.now()
      }
      yield 'event: end\ndata: {}\n\n'
    } catch (error) {
      // The client has left, or the server stops: the client may connect again.
      if (!signal.aborted) throw error
    } finally {
      signal.clear()
      streams--
    }
  }
}

/** A lost database is asked for a minute. */
async function withinMs<T>(work: Promise<T>, ms: number): Promise<T | typeof SILENCE> {
  const over = new AbortController()
  const silence = pause(Math.max(0, ms), SILENCE, { signal: over.signal }).catch(() => SILENCE)
  return Promise.race([work, silence]).finally(() => over.abort()) as Promise<T | typeof SILENCE>
}

const hasEnded = ({ state }: ShownRun) => state === 'done' || state === 'cancelled'

function eventOf(run: ShownRun): string {
  return `event: run\ndata: ${JSON.stringify(run)}\n\n`
}
