import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { PageFile, PageFiles } from './page-files.js'

/** Sends a file of the page, compressed where the client takes that. */
export function sendPage(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  { type, plain, compressed }: PageFile,
): FastifyReply {
  reply.type(type).header('vary', 'accept-encoding')
  const isTaken = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(headers['accept-encoding'] ?? '')
  if (compressed === null || !isTaken) return reply.send(plain)
  return reply.header('content-encoding', 'gzip').send(compressed)
}

/** Leads nowhere. */
const NOWHERE = '/unreadable-address'

/** What programs ask for. A mistake there is no mistyped view. */
const OF_PROGRAMS = /^\/(api\/|assets\/|queues(\/|$)|(metrics|healthz|readyz)$)/

/**
 * Answers who opens a mistyped address in a browser with the page, which says that it has no such view.
 * @returns null: the request is no such one
 */
export type NotFoundPage = (request: FastifyRequest, reply: FastifyReply) => FastifyReply | null

export function notFoundPage({ index }: PageFiles): NotFoundPage {
  return (request, reply) =>
    opensView(request) ? sendPage(request, reply.code(404).header('cache-control', 'no-store'), index) : null
}

/**
 * The address that the router gets. One that cannot be decoded would be answered before any hook, without the headers of
 * security: who opens it in a browser is led nowhere instead, and the page says that it has no such view.
 */
export function routableUrl(request: IncomingMessage): string {
  const { method = '', url = '', headers } = request
  return opensView({ method, url, headers }) && !isDecodable(url.split('?')[0]!) ? NOWHERE : url
}

function opensView({ method, url, headers }: Pick<FastifyRequest, 'method' | 'url' | 'headers'>): boolean {
  const isRead = method === 'GET' || method === 'HEAD'
  // Browsers name it when they open an address; programs ask for JSON, or for anything.
  const wantsPage = /\btext\/html\b/i.test(headers.accept ?? '')
  return isRead && wantsPage && !OF_PROGRAMS.test(url.split('?')[0]!)
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}
