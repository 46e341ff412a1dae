import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError, PhotoError, RequestError } from '../../domain/errors.js'
import type { HttpApp } from '../http-app.js'
import type { NotFoundPage } from '../page/send-page.js'
import { type Answered, answerTo } from '../problem.js'
import { PROBLEM_TYPE } from '../schemas/problem.js'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'] as const

/** What RFC 6750 adds to the challenge. */
const CHALLENGES: Record<string, string> = {
  KEY_REQUIRED: '',
  KEY_INVALID: ', error="invalid_token"',
  SCOPE_MISSING: ', error="insufficient_scope"',
}

/**
 * Answers every failure as RFC 9457 says, with the id of the request.
 * @param pageOf answers who opens an address that leads nowhere in a browser; null: there is no page
 */
export function addProblems(app: HttpApp, pageOf: NotFoundPage | null): void {
  app.setErrorHandler((error, request, reply) => {
    const { body, query, params, headers } = request
    const answered = answerTo(error, { body, query, params, headers })
    if (answered.isUnexpected) request.log.error({ err: error }, 'a request failed')
    else if (answered.problem.status >= 500) request.log.warn({ err: error }, 'a request was refused')
    return send(request, reply, request.caller?.seesMachine ? answered : withoutMachine(answered, error))
  })
  const allowedAt = (path: string) => METHODS.filter(method => app.findRoute({ method, url: path }) !== null)
  // Fastify looks at the body of a method that no route has before it looks for the route.
  app.addHook('onRequest', async ({ method, url }, reply) => {
    if ((METHODS as readonly string[]).includes(method)) return
    const allowed = allowedAt(pathOf(url))
    reply.header('allow', allowed.join(', '))
    throw notAllowed(method, allowed)
  })
  app.setNotFoundHandler((request, reply) => {
    const { method } = request
    const path = pathOf(request.url)
    const allowed = allowedAt(path)
    if (allowed.length > 0) {
      reply.header('allow', allowed.join(', '))
      return send(request, reply, answerTo(notAllowed(method, allowed), {}))
    }
    const page = pageOf?.(request, reply)
    if (page) return page
    const missing = new RequestError('ROUTE_NOT_FOUND', `There is nothing at ${path}.`, {
      field: 'path',
      action: 'GET /api/v1/openapi.json lists all endpoints.',
    })
    return send(request, reply, answerTo(missing, {}))
  })
}

/** What fails on the server may name its database, its queue and its folders. */
function withoutMachine({ problem, ...rest }: Answered, error: unknown): Answered {
  if (problem.status < 500 || !(error instanceof AppError || error instanceof PhotoError)) return { problem, ...rest }
  const detail = 'The server cannot answer this now. Its log has the reason, under the id of the request.'
  return { problem: { ...problem, detail }, ...rest }
}

/** Answers a request whose path the router could not read, so that no hook saw it. */
export function answerUnroutable({ message }: Error, request: FastifyRequest, reply: FastifyReply): void {
  void send(request, reply, answerTo(new RequestError('REQUEST_INVALID', message, { field: 'path' }), {}))
}

/** Answers a request that Node could not read, so that no endpoint sees it. */
export function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const { problem } = answerTo(unreadable(error), {})
  const body = JSON.stringify({ ...problem, request_id: randomUUID() })
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nContent-Type: ${PROBLEM_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

function unreadable({ code }: NodeJS.ErrnoException): RequestError {
  return code === 'HPE_HEADER_OVERFLOW'
    ? new RequestError('HEADERS_TOO_LARGE', 'The address and the headers of the request are too long.', {
        field: 'headers',
        action: 'Send long conditions in the body of POST /api/v1/search.',
      })
    : new RequestError('REQUEST_INVALID', 'The request is not HTTP/1.1, or was not sent in time.')
}

function pathOf(url: string): string {
  return url.split('?')[0]!
}

function notAllowed(method: string, allowed: readonly string[]): RequestError {
  return new RequestError(
    'METHOD_NOT_ALLOWED',
    `This path expects ${allowed.join(' or ') || 'other methods'}, found ${method}.`,
    {
      field: 'method',
      expected: allowed.join(' or '),
      found: method,
    },
  )
}

function send(request: FastifyRequest, reply: FastifyReply, { problem, retryAfterSeconds }: Answered): FastifyReply {
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds)
  const challenge = CHALLENGES[problem.code]
  if (challenge !== undefined) reply.header('www-authenticate', `Bearer realm="unsplash-clip"${challenge}`)
  // A cached copy would answer with the validators of what was not sent.
  for (const name of ['etag', 'last-modified', 'link'] as const) reply.removeHeader(name)
  if (problem.status !== 416) reply.removeHeader('content-range')
  return reply
    .code(problem.status)
    .header('cache-control', 'no-store')
    .header('content-type', PROBLEM_TYPE)
    .send(Buffer.from(JSON.stringify({ ...problem, request_id: request.id })))
}
