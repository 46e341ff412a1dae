import { createHash } from 'node:crypto'
import helmet from '@fastify/helmet'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { HttpApp } from '../http-app.js'

/**
 * Headers of security on every answer, and the validators of answers that clients may keep.
 * @param pictureOrigins other servers that pictures may come from
 */
export async function addHeaders(app: HttpApp, pictureOrigins: readonly string[]): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:', 'blob:', ...pictureOrigins],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    // This server speaks HTTP; a proxy that adds TLS decides for its name.
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'no-referrer' },
  })
  app.addHook('onSend', async (request, reply, payload) => {
    if (!reply.hasHeader('cache-control'))
      reply.header('cache-control', isRead(request) ? 'private, no-cache' : 'no-store')
    return withValidator(request, reply, payload)
  })
}

function withValidator(request: FastifyRequest, reply: FastifyReply, payload: unknown): unknown {
  const isKept = isRead(request) && reply.statusCode === 200 && reply.getHeader('cache-control') !== 'no-store'
  if (!isKept || !(typeof payload === 'string' || payload instanceof Uint8Array)) return payload
  if (!reply.hasHeader('etag')) reply.header('etag', entityTag(payload))
  if (!matches(request.headers['if-none-match'], String(reply.getHeader('etag')))) return payload
  reply.code(304).removeHeader('content-length').removeHeader('content-type')
  // Fastify reads the length of what it does not send for HEAD.
  return request.method === 'HEAD' ? payload : null
}

/** A strong entity tag. */
export function entityTag(content: string | Uint8Array): string {
  return `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`
}

function isRead({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** Weak comparison, as RFC 9110 asks for If-None-Match. */
function matches(wanted: string | undefined, tag: string): boolean {
  return wanted === '*' || (wanted?.split(',').some(one => one.trim().replace(/^W\//, '') === tag) ?? false)
}
