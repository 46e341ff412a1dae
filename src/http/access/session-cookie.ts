import type { FastifyRequest } from 'fastify'

type Request = Pick<FastifyRequest, 'headers'>

/** Browsers send a cookie to all ports of a host, so each port has a name of its own. */
const nameFor = ({ headers }: Request) => `unsplash-clip-${/:(\d{1,5})$/.exec(headers.host ?? '')?.[1] ?? 'session'}`

/** The token in the cookie of a request; null: it has none. */
export function sessionTokenOf(request: Request): string | null {
  const name = nameFor(request)
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [key, value] = pair.trim().split('=')
    if (key === name && value) return value
  }
  return null
}

/**
 * A cookie that scripts cannot read and that pages of other sites do not send. `Secure` where a proxy says that the
 * browser speaks HTTPS.
 * @param seconds 0: the browser forgets it
 */
export function sessionCookie(request: Request, token: string, seconds: number): string {
  const isSecure = /^https\b/i.test(String(request.headers['x-forwarded-proto'] ?? '')) || isForwardedSecure(request)
  const parts = [`${nameFor(request)}=${token}`, 'Path=/', `Max-Age=${seconds}`, 'HttpOnly', 'SameSite=Strict']
  return [...parts, ...(isSecure ? ['Secure'] : [])].join('; ')
}

function isForwardedSecure({ headers }: Request): boolean {
  return /(^|[;,\s])proto="?https\b/i.test(headers.forwarded ?? '')
}
