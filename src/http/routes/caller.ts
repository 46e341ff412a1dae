import { z } from 'zod'
import { SCOPES } from '../../domain/api-key.js'
import type { HttpApp } from '../http-app.js'
import { PROBLEMS } from '../schemas/problem.js'

/** What the client may do, so that a page offers nothing else. */
export function addCallerRoute(app: HttpApp): void {
  app.get(
    '/caller',
    {
      config: { scope: 'open' },
      schema: {
        operationId: 'caller',
        summary: 'What the sender of this request may do',
        tags: ['service'],
        response: {
          200: z.object({
            scope: z.enum(SCOPES).nullable().describe('Each includes those before it. Null: nothing without a key.'),
            key: z.string().nullable().describe('Id of the key of the request; null: it has none.'),
          }),
          ...PROBLEMS,
        },
      },
    },
    async ({ caller: { scope, keyId } }) => ({ scope, key: keyId }),
  )
}
