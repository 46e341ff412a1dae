import { Transform } from 'node:stream'
import type { FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify'
import pLimit from 'p-limit'
import { RequestError } from '../../domain/errors.js'
import { anySignal } from '../../domain/signals/any-signal.js'
import type { HttpApp } from '../http-app.js'
import type { HttpLimits } from '../parts.js'

const RETRY_SECONDS = 1

/**
 * Bounds what requests take: bodies in memory, requests in work, requests that wait, and time. A request beyond the
 * bounds gets 503 at once. A request whose time is over keeps its place until its work has ended, so that more work
 * never runs than the database and the memory can take.
 * @param stopped aborted when the server stops
 */
export function addAdmission(app: HttpApp, limits: HttpLimits, stopped: AbortSignal): void {
  const turns = pLimit(limits.concurrency)
  let bodies = 0
  app.decorateRequest('cancelled', null as unknown as AbortSignal)
  app.addHook('onRequest', async (request, reply) => {
    const left = new AbortController()
    const late = request.routeOptions.config.light ? [] : [AbortSignal.timeout(limits.timeoutMs)]
    const cancelled = anySignal([stopped, left.signal, ...late])
    request.cancelled = cancelled
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) left.abort(new RequestError('REQUEST_TIMEOUT', 'The client has left.'))
      cancelled.clear()
    })
  })
  // Bytes count as they arrive: an announced body that does not come takes no memory.
  app.addHook('preParsing', async ({ headers, cancelled }, reply, payload) => {
    if (headers['transfer-encoding'] === undefined && !(Number(headers['content-length']) > 0)) return
    let bytes = 0
    const counted = new Transform({
      transform(chunk: Buffer, _, done) {
        if (bodies + chunk.length > limits.maxBodiesBytes) {
          done(overloaded('bodies of other requests fill the memory for them'))
          return
        }
        bodies += chunk.length
        bytes += chunk.length
        done(null, chunk)
      },
      destroy(error, done) {
        // Of the rest of the body nothing is read any more.
        if (error && !reply.sent) reply.header('connection', 'close')
        done(error)
      },
    })
    // Nobody may listen any more: a body that is too large is left unread.
    counted.on('error', () => {})
    const end = () => void counted.destroy(timeLimitOf(cancelled.reason, limits) as Error)
    cancelled.addEventListener('abort', end, { once: true })
    counted.once('close', () => cancelled.removeEventListener('abort', end))
    payload.once('error', error => counted.destroy(error))
    reply.raw.once('finish', () => payload.unpipe(counted).resume())
    reply.raw.once('close', () => {
      bodies -= bytes
      counted.destroy()
    })
    return payload.pipe(counted)
  })
  const bounded = new WeakSet<RouteHandlerMethod>()
  app.addHook('onRoute', route => {
    // Fastify adds HEAD to each GET, with its handler.
    if (route.config?.light || bounded.has(route.handler)) return
    const work = route.handler
    const handler: RouteHandlerMethod = function (request, reply) {
      if (turns.activeCount >= limits.concurrency && turns.pendingCount >= limits.waiting)
        throw overloaded(`${limits.waiting} requests wait already`)
      const answered = turns(() => {
        request.cancelled.throwIfAborted()
        return work.call(this, request, reply)
      })
      return inTime(answered, request, reply, limits.timeoutMs)
    }
    bounded.add(handler)
    route.handler = handler
  })
}

async function inTime(
  work: Promise<unknown>,
  { cancelled: signal }: FastifyRequest,
  reply: FastifyReply,
  timeoutMs: number,
): Promise<unknown> {
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    // An answer that has begun, such as a stream, can only end.
    stop = () => {
      if (!reply.sent) reject(signal.reason)
    }
    signal.addEventListener('abort', stop, { once: true })
  })
  // The second of the two has nobody to tell.
  work.catch(() => {})
  aborted.catch(() => {})
  try {
    return await Promise.race([work, aborted])
  } catch (error) {
    throw timeLimitOf(error, { timeoutMs })
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

export function overloaded(why: string): RequestError {
  return new RequestError('OVERLOADED', `The server is busy: ${why}.`, {
    action: `Try again after ${RETRY_SECONDS} s.`,
    retryAfterSeconds: RETRY_SECONDS,
  })
}

/** A time limit as an answer; anything else as it is. */
function timeLimitOf(reason: unknown, { timeoutMs }: Pick<HttpLimits, 'timeoutMs'>): unknown {
  return (reason as Error)?.name === 'TimeoutError' ? timedOut(timeoutMs) : reason
}

function timedOut(timeoutMs: number): RequestError {
  return new RequestError('REQUEST_TIMEOUT', `The request took longer than ${timeoutMs / 1000} s.`, {
    action: 'Ask for less at once, or try again when the server is less busy.',
    retryAfterSeconds: RETRY_SECONDS,
  })
}
