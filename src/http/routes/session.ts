import { z } from 'zod'
import { SCOPES } from '../../domain/api-key.js'
import { SECOND } from '../../domain/units.js'
import { sessionCookie, sessionTokenOf } from '../access/session-cookie.js'
import { SESSION_MS, type Sessions } from '../access/sessions.js'
import type { HttpApp } from '../http-app.js'
import { PROBLEMS } from '../schemas/problem.js'

const config = { scope: 'open' } as const

/** Signing in and out of the page: `<img>` cannot send a key, so a cookie stands for it. */
export function addSessionRoutes(app: HttpApp, sessions: Sessions): void {
  app.post(
    '/session',
    {
      config,
      schema: {
        operationId: 'signIn',
        summary: 'Exchange a key for a session of a browser',
        description: `The answer sets a cookie that scripts cannot read. It stands for the key during ${SESSION_MS / (3600 * SECOND)} hours, while the key is valid and the server runs. Requests with it that change something also need \`Origin\` and \`x-requested-with\`. Programs send the key itself.`,
        tags: ['service'],
        body: z.strictObject({ key: z.string().min(1).max(200).describe('A key of `keys create`.') }),
        response: {
          200: z.object({
            scope: z.enum(SCOPES).describe('What the session may do. Each includes those before it.'),
            key: z.string().describe('Id of the key.'),
            expires_at: z.iso.datetime(),
          }),
          ...PROBLEMS,
        },
      },
    },
    async (request, reply) => {
      const { token, key, expiresAt } = await sessions.open(request.body.key.trim(), request.ip)
      const former = sessionTokenOf(request)
      if (former !== null) sessions.end(former)
      const seconds = Math.floor((expiresAt.getTime() - Date.now()) / SECOND)
      reply.header('set-cookie', sessionCookie(request, token, seconds))
      return { scope: key.scope, key: key.id, expires_at: expiresAt.toISOString() }
    },
  )

  app.delete(
    '/session',
    {
      config,
      schema: {
        operationId: 'signOut',
        summary: 'End the session of the cookie',
        description: 'Safe to repeat, and without a session.',
        tags: ['service'],
        response: { 200: z.object({ ended: z.boolean().describe('Whether there was one.') }), ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const token = sessionTokenOf(request)
      reply.header('set-cookie', sessionCookie(request, '', 0))
      return { ended: token !== null && sessions.end(token) }
    },
  )
}
