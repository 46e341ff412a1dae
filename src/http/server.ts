import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyBaseLogger, LogController } from 'fastify'
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { AppError } from '../domain/errors.js'
import { MEBIBYTE, SECOND } from '../domain/units.js'
import { HttpMetrics } from '../metrics/http-metrics.js'
import { KeyRing } from './access/key-ring.js'
import { Sessions } from './access/sessions.js'
import { refuseManyValues } from './condition-caps.js'
import { refuseAddresses } from './conditions.js'
import { addDocument } from './document.js'
import type { HttpApp } from './http-app.js'
import { readPageFiles } from './page/page-files.js'
import { notFoundPage, routableUrl } from './page/send-page.js'
import type { HttpLimits, HttpOptions, HttpParts } from './parts.js'
import { addCallers, addScopes } from './plugins/access.js'
import { addAdmission } from './plugins/admission.js'
import { addBodyTypes } from './plugins/body-types.js'
import { addHeaders } from './plugins/headers.js'
import { addObservation } from './plugins/observation.js'
import { addOriginChecks } from './plugins/origin.js'
import { addProblems, answerUnreadable, answerUnroutable } from './plugins/problems.js'
import { addRateLimit } from './plugins/rates.js'
import { addTraces } from './plugins/traces.js'
import { addQueueBoard } from './queue-board/queue-board.js'
import { RecentBuffers } from './recent-buffers.js'
import { addCallerRoute } from './routes/caller.js'
import { addCollectionRoutes } from './routes/collection.js'
import { addCopyRoutes } from './routes/copies.js'
import { addCountRoutes } from './routes/counts.js'
import { addEmbedRoutes } from './routes/embed.js'
import { addIngestRoutes } from './routes/ingest.js'
import { addLabelMarkRoutes } from './routes/label-marks.js'
import { addLabelRoutes } from './routes/labels.js'
import { addPageRoutes } from './routes/page.js'
import { addPhotoRoutes } from './routes/photos.js'
import { addProjectionRoutes } from './routes/projections.js'
import { addRemovalRoutes } from './routes/removal.js'
import { addRunControlRoutes } from './routes/run-control.js'
import { addRunEventRoutes } from './routes/run-events.js'
import { addRunRoutes } from './routes/runs.js'
import { addSearchRoutes } from './routes/search.js'
import { addServiceRoutes } from './routes/service.js'
import { addSessionRoutes } from './routes/session.js'
import { BASE } from './shown.js'
import { timely } from './timely-pictures.js'
import { validatorOf } from './validators.js'

/** A client that sends its request slower than this is cut off. */
const RECEIVE_MS = 60 * SECOND
/** Time for the requests in work when the server stops. */
const FINISH_MS = 3 * SECOND
const MAX_PARAMETER_LENGTH = 200
const MAX_KEPT_PICTURE_BYTES = 64 * MEBIBYTE

export interface HttpServer {
  /** `http://127.0.0.1:8080` */
  url: string
  /** Answers what is in work, refuses what is new, and ends. */
  close(): Promise<void>
}

/**
 * Serves the API.
 * @throws AppError CONFIG_INVALID when listening on the address fails
 */
export async function startHttpServer(parts: HttpParts, options: HttpOptions): Promise<HttpServer> {
  const stopped = new AbortController()
  const app = await buildHttpApp(parts, options, stopped.signal)
  const { host, port } = options
  try {
    await app.listen({ host, port })
  } catch (cause) {
    await app.close()
    const { code, message } = cause as NodeJS.ErrnoException
    const found = code === 'EADDRINUSE' ? 'another process listens on it' : message
    throw new AppError(
      'CONFIG_INVALID',
      `--port: expected a free port at ${host}, found ${port}: ${found}. Choose another one with --port.`,
      { cause },
    )
  }
  const { address, port: found, family } = app.server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${found}`,
    async close() {
      const stop = () => {
        stopped.abort(new AppError('INTERRUPTED', 'The server stops.'))
        app.server.closeAllConnections()
      }
      const late = setTimeout(stop, FINISH_MS)
      await app.close()
      clearTimeout(late)
    },
  }
}

/** The API without a port, for its document and for programs within this process. @param stopped aborted when the server stops */
export async function buildHttpApp(parts: HttpParts, options: HttpOptions, stopped: AbortSignal): Promise<HttpApp> {
  const { limits, withPage = true } = options
  const page = withPage ? await readPageFiles() : null
  const app: HttpApp = fastify({
    loggerInstance: parts.logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    bodyLimit: limits.maxBodyBytes,
    requestTimeout: RECEIVE_MS,
    // Also of an answer that its client does not read.
    connectionTimeout: RECEIVE_MS,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    return503OnClosing: true,
    clientErrorHandler: answerUnreadable,
    frameworkErrors: answerUnroutable,
    ...(page && { rewriteUrl: routableUrl }),
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorOf)
  app.setSerializerCompiler(serializerCompiler)
  addBodyTypes(app, limits.maxBodyBytes)
  const metrics = new HttpMetrics()
  addTraces(app)
  addObservation(app, metrics)
  await addHeaders(app, parts.signedCopies === null ? [] : [parts.signedCopies.origin])
  addOriginChecks(app, options.names)
  const ring = new KeyRing(parts.keys, limits.wrongKeysPerMinute, error =>
    app.log.debug({ err: error }, 'the use of a key was not noted'),
  )
  const sessions = new Sessions(ring)
  addCallers(app, ring, sessions, options.anonymous)
  await addRateLimit(app, limits.requestsPerMinute)
  addScopes(app)
  addAdmission(app, limits, stopped)
  addProblems(app, page && notFoundPage(page))
  await addDocument(app)
  await app.register(async api => addApi(api as unknown as HttpApp, parts, sessions, limits), { prefix: BASE })
  await app.register(async service => addServiceRoutes(service as unknown as HttpApp, parts, metrics))
  if (page) {
    addPageRoutes(app, page)
    await addQueueBoard(app, parts)
  }
  await app.ready()
  return app
}

function addApi(app: HttpApp, parts: HttpParts, sessions: Sessions, { pictureTimeoutMs }: HttpLimits): void {
  const recent = new RecentBuffers(MAX_KEPT_PICTURE_BYTES)
  app.addHook('preValidation', async ({ body }) => refuseManyValues(body))
  app.addHook('preHandler', async request => {
    if (!request.caller.seesMachine) refuseAddresses(request)
  })
  const timelyParts = { ...parts, fetchPicture: timely(parts.fetchPicture, pictureTimeoutMs) }
  addSearchRoutes(app, timelyParts)
  addCountRoutes(app, timelyParts)
  addPhotoRoutes(app, parts)
  addCopyRoutes(app, parts, recent)
  addRemovalRoutes(app, parts, recent)
  addIngestRoutes(app, parts)
  addLabelRoutes(app, parts)
  addLabelMarkRoutes(app, parts)
  addCollectionRoutes(app, parts)
  addProjectionRoutes(app, parts)
  addEmbedRoutes(app, parts)
  addCallerRoute(app)
  addSessionRoutes(app, sessions)
  addRunRoutes(app, parts)
  addRunControlRoutes(app, parts)
  addRunEventRoutes(app, parts)
  app.get('/openapi.json', { config: { light: true, scope: 'open' }, schema: { hide: true } }, async () =>
    app.swagger(),
  )
}
