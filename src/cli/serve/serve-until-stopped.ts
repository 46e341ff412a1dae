import type { Scope } from '../../domain/api-key.js'
import { AppError } from '../../domain/errors.js'
import { MEBIBYTE, MINUTE, SECOND } from '../../domain/units.js'
import type { HttpOptions, HttpParts } from '../../http/parts.js'
import type { HttpServer } from '../../http/server.js'
import type { Context } from '../context.js'

/** A picture in base64 takes a third more than its file. */
const MAX_BODY_BYTES = 64 * MEBIBYTE
const MAX_BODIES_BYTES = 256 * MEBIBYTE
const MAX_WAITING = 100
const TIMEOUT_MS = MINUTE / 2
const PICTURE_TIMEOUT_MS = 10 * SECOND

export interface Service {
  host: string
  port: number
  /** Any free port where another process has the wanted one. */
  orAnyPort?: boolean
  /** Names of this server beside localhost, addresses and the machine's own name. */
  names: readonly string[]
  requestsPerMinute: number
  wrongKeysPerMinute: number
  /** What requests without a key may do; null: nothing. @throws AppError USAGE */
  anonymous: (hasKeys: boolean) => Scope | null
  /** Called once the server answers. */
  onListening: (url: string, anonymous: Scope | null) => void | Promise<void>
}

/**
 * Serves the page and the HTTP API until the signal of the context. The caller limits the time from the signal to the end.
 * @throws AppError CONFIG_INVALID when listening on the address fails
 */
export async function serveUntilStopped(context: Context, service: Service): Promise<void> {
  const { host, port, orAnyPort = false, names, requestsPerMinute, wrongKeysPerMinute } = service
  const { app, signal } = context
  const { openHttpParts } = await import('./http-parts.js')
  const opened = await openHttpParts(context)
  try {
    const { keys } = await app.repositories()
    const anonymous = service.anonymous(await keys.anyValid())
    signal.throwIfAborted()
    const limits = {
      maxBodyBytes: MAX_BODY_BYTES,
      maxBodiesBytes: MAX_BODIES_BYTES,
      concurrency: app.config.DATABASE_POOL_SIZE,
      waiting: MAX_WAITING,
      timeoutMs: TIMEOUT_MS,
      pictureTimeoutMs: PICTURE_TIMEOUT_MS,
      requestsPerMinute,
      wrongKeysPerMinute,
    }
    const server = await listen(opened.parts, { host, port, names, anonymous, limits }, orAnyPort)
    await service.onListening(server.url, anonymous)
    await new Promise<void>(resolve => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
    await server.close()
  } finally {
    await opened.close()
  }
}

async function listen(parts: HttpParts, options: HttpOptions, orAnyPort: boolean): Promise<HttpServer> {
  const { startHttpServer } = await import('../../http/server.js')
  try {
    return await startHttpServer(parts, options)
  } catch (error) {
    if (!orAnyPort || !(error instanceof AppError && error.code === 'CONFIG_INVALID')) throw error
    return startHttpServer(parts, { ...options, port: 0 })
  }
}
