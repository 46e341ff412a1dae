import { RequestError } from '../../domain/errors.js'
import type { HttpApp } from '../http-app.js'
import type { PageFiles } from '../page/page-files.js'
import { PAGE_PATHS } from '../page/page-paths.js'
import { sendPage } from '../page/send-page.js'

/** The name of an asset holds a digest of its content. */
const FOREVER = 'private, max-age=31536000, immutable'

/** The web page: one document for all views, and its assets. */
export function addPageRoutes(app: HttpApp, { index, assets }: PageFiles): void {
  for (const path of PAGE_PATHS)
    app.get(
      path,
      { config: { light: true, page: true, scope: 'open' }, schema: { hide: true } },
      async (request, reply) => sendPage(request, reply, index),
    )

  app.get<{ Params: { name: string } }>(
    '/assets/:name',
    { config: { light: true, scope: 'open' }, schema: { hide: true } },
    async (request, reply) => {
      const asset = assets.get(request.params.name)
      if (asset) return sendPage(request, reply.header('cache-control', FOREVER), asset)
      throw new RequestError('ROUTE_NOT_FOUND', `The page has no file ${JSON.stringify(request.params.name)}.`, {
        field: 'path',
        action: 'Reload the page: the server may have a newer version of it.',
      })
    },
  )
}
