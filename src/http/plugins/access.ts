import type { FastifyRequest } from 'fastify'
import { digestOf, type Scope } from '../../domain/api-key.js'
import { RequestError } from '../../domain/errors.js'
import { Caller, isForwarded, keyOf } from '../access/caller.js'
import type { KeyRing } from '../access/key-ring.js'
import { sessionTokenOf } from '../access/session-cookie.js'
import type { Sessions } from '../access/sessions.js'
import type { HttpApp } from '../http-app.js'

const READER = new Caller('read', null)

/**
 * Finds out who sends a request. Limits per key and scopes of routes depend on it.
 * @param anonymous what a request without a key may do; null: nothing
 */
export function addCallers(app: HttpApp, ring: KeyRing, sessions: Sessions, anonymous: Scope | null): void {
  const unknown = new Caller(anonymous, null)
  app.decorateRequest('caller', null as unknown as Caller)
  app.addHook('onRequest', async request => {
    const key = keyOf(request)
    // What comes through a proxy is not sent by the user of this machine.
    request.caller = unknown.may('ingest') && isForwarded(request) ? READER : unknown
    const { scope: needed, light = false } = request.routeOptions.config
    if (needed === 'open' && light) return
    if (key !== null) {
      const { id, scope } = await ring.check(key, request.ip)
      const digest = digestOf(key)
      request.caller = new Caller(scope, id, null, () => ring.recheck(digest))
      return
    }
    const token = sessionTokenOf(request)
    if (token === null) return
    const found = await sessions.keyOf(token)
    if (found !== null) request.caller = new Caller(found.scope, found.id, token, () => sessions.keyOf(token))
  })
}

/** Refuses what the caller may not do. Each route says in `config.scope` what it needs. */
export function addScopes(app: HttpApp): void {
  app.addHook('onRoute', function (route) {
    if (this.ofAllRoutes) {
      route.config = { ...route.config, ...this.ofAllRoutes }
      route.schema = { ...route.schema, hide: true }
    }
    if (route.config?.scope === undefined) throw new Error(`The route ${route.url} names no scope.`)
  })
  app.addHook('onRequest', async request => {
    if (request.is404) return
    const { scope = 'admin' } = request.routeOptions.config
    if (scope === 'open') return
    assertMay(request, scope)
    if (scope !== 'read') assertIntended(request)
  })
}

function assertMay({ caller }: FastifyRequest, scope: Scope): void {
  if (caller.may(scope)) return
  if (caller.keyId !== null)
    throw new RequestError('SCOPE_MISSING', `This needs a key with the scope ${scope}.`, {
      field: 'headers.authorization',
      expected: `the scope ${scope}`,
      found: `the scope ${caller.scope}`,
      action: `Ask the operator for another key: unsplash-clip keys create NAME --scope ${scope}.`,
    })
  throw new RequestError('KEY_REQUIRED', `This needs a key with the scope ${scope}.`, {
    field: 'headers.authorization',
    expected: '"Authorization: Bearer KEY" or "x-api-key: KEY"',
    found: 'none',
    action: `Ask the operator for a key: unsplash-clip keys create NAME --scope ${scope}.`,
  })
}

/**
 * A form of any page can send a POST without its knowledge, but neither JSON nor a header of its own. Keys are such
 * headers; cookies are not, so a request with one must be of the page of this server.
 */
function assertIntended({ method, headers, caller }: FastifyRequest): void {
  if (method === 'GET' || method === 'HEAD') return
  if (caller.session !== null) assertOfPage(headers)
  if (!(method === 'POST' || method === 'PUT') || caller.keyId !== null) return
  const isJson = /^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')
  if (isJson || headers['x-requested-with'] !== undefined) return
  throw new RequestError(
    'BODY_TYPE_UNKNOWN',
    'A request without a key that changes something must be one of a program.',
    {
      field: 'headers.content-type',
      expected: '"Content-Type: application/json", or the header "x-requested-with" with any value',
      found: headers['content-type'] ?? 'none',
    },
  )
}

/** A browser names the origin, which the checks of origins have compared. */
function assertOfPage(headers: FastifyRequest['headers']): void {
  if (headers.origin !== undefined && headers['x-requested-with'] !== undefined) return
  throw new RequestError('ORIGIN_REFUSED', 'A request with the cookie of a session must be one of the page.', {
    field: headers.origin === undefined ? 'headers.origin' : 'headers.x-requested-with',
    expected: '"Origin" of this server, and "x-requested-with" with any value',
    found: 'none',
    action: 'Programs send their key with each request: "x-api-key: KEY".',
  })
}
