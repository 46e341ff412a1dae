import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Scope } from '../domain/api-key.js'
import type { OpenSpan } from '../domain/tracing/spans.js'
import type { Caller } from './access/caller.js'

/** Fastify with schemas by zod: they validate, type and document. */
export type HttpApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>

declare module 'fastify' {
  interface FastifyRequest {
    /** Aborted when the client leaves, its time is over, or the server stops. */
    cancelled: AbortSignal
    caller: Caller
    /** Null: the request is not traced. */
    span: OpenSpan | null
  }
  interface FastifyInstance {
    /** Of routes that a package adds: they say nothing of scopes, and are not in the document. */
    ofAllRoutes?: Pick<FastifyContextConfig, 'scope' | 'light'>
  }
  interface FastifyContextConfig {
    /** What a caller needs. `open`: nothing, also where all else needs a key. Every route has one. */
    scope?: Scope | 'open'
    /** Neither counted, nor limited, nor timed: it answers from memory, or watches for a long time. */
    light?: boolean
    /** Its JSON may hold pictures or vectors. Other JSON is small. */
    largeJson?: boolean
    /** A view of the page, which pages of others may link to. */
    page?: boolean
  }
}
