import type { FastifyInstance } from 'fastify'
import { RequestError } from '../../domain/errors.js'
import type { HttpApp } from '../http-app.js'
import type { BoardQueue, HttpParts } from '../parts.js'

const PATH = '/queues'
/** As strict as that of all else, but for what the page of bull-board needs: a base address, and styles of its own. */
const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data:"],
  ...["font-src 'self'", "connect-src 'self'", "base-uri 'self'", "form-action 'none'", "frame-ancestors 'none'"],
].join(';')

/** bull-board for admins, where the queue is on Redis. It is loaded only there. */
export async function addQueueBoard(app: HttpApp, { board }: Pick<HttpParts, 'board'>): Promise<void> {
  if (board === null) {
    const config = { light: true, scope: 'admin' } as const
    for (const path of [PATH, `${PATH}/*`])
      app.get(path, { config, schema: { hide: true } }, async () => {
        throw new RequestError(
          'ROUTE_NOT_FOUND',
          'The queue is in Postgres, and bull-board shows queues on Redis only.',
          {
            field: 'path',
            action: 'The view Runs and GET /api/v1/queue show this queue. Set REDIS_URL to keep the queue on Redis.',
          },
        )
      })
    return
  }
  const [{ createBullBoard }, { FastifyAdapter }, { BoardAdapter }] = await Promise.all([
    import('@bull-board/api'),
    import('@bull-board/fastify'),
    import('./board-adapter.js'),
  ])
  const server = new FastifyAdapter()
  server.setBasePath(PATH)
  const { addQueue } = createBullBoard({
    queues: [],
    serverAdapter: server,
    options: {
      uiConfig: { boardTitle: 'unsplash-clip', boardLogo: { path: '' }, miscLinks: [{ text: 'Runs', url: '/runs' }] },
    },
  })
  // The handler of the API answers, also for what is refused before a request reaches the board.
  server.setErrorHandler(error => {
    throw error
  })
  await app.register(async scoped => {
    // Its handlers answer when they have returned, which those that wait for a turn do not.
    scoped.decorate('ofAllRoutes', { scope: 'admin', light: true })
    let opened: Promise<BoardQueue> | undefined
    // The queue is opened with the first request: the API serves also while Redis is away.
    scoped.addHook('preHandler', async () => {
      opened ??= board().then(queue => {
        addQueue(new BoardAdapter(queue))
        return queue
      })
      await opened.catch(error => {
        opened = undefined
        throw error
      })
    })
    scoped.addHook('onSend', async (_, reply) => {
      reply.header('content-security-policy', POLICY)
    })
    await scoped.register(server.registerPlugin() as unknown as (instance: FastifyInstance) => void, { prefix: PATH })
  })
}
