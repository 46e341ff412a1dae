import type { FastifyReply, FastifyRequest } from 'fastify'
import { RequestError } from '../../domain/errors.js'
import type { HttpApp } from '../http-app.js'
import { type PageFile, readPageFiles } from '../page/page-files.js'
import { PAGE_PATHS } from '../page/page-paths.js'

/** The name of an asset holds a digest of its content. */
const FOREVER = 'private, max-age=31536000, immutable'

/** The web page: one document for all views, and its assets. */
export async function addPageRoutes(app: HttpApp): Promise<void> {
  const { index, assets } = await readPageFiles()

  for (const path of PAGE_PATHS)
    app.get(
      path,
      { config: { light: true, page: true, scope: 'open' }, schema: { hide: true } },
      async (request, reply) => send(request, reply, index),
    )

  app.get<{ Params: { name: string } }>(
    '/assets/:name',
    { config: { light: true, scope: 'open' }, schema: { hide: true } },
    async (request, reply) => {
      const asset = assets.get(request.params.name)
      if (asset) return send(request, reply.header('cache-control', FOREVER), asset)
      throw new RequestError('ROUTE_NOT_FOUND', `The page has no file ${JSON.stringify(request.params.name)}.`, {
        field: 'path',
        action: 'Reload the page: the server may have a newer version of it.',
      })
    },
  )
}

function send({ headers }: FastifyRequest, reply: FastifyReply, { type, plain, compressed }: PageFile): FastifyReply {
  reply.type(type).header('vary', 'accept-encoding')
  const isTaken = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(headers['accept-encoding'] ?? '')
  if (compressed === null || !isTaken) return reply.send(plain)
  return reply.header('content-encoding', 'gzip').send(compressed)
}
