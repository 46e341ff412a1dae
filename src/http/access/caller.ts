import type { FastifyRequest } from 'fastify'
import { includesScope, type Scope } from '../../domain/api-key.js'

/** Who sends a request, and what it may do. */
export class Caller {
  /**
   * @param scope null: nothing
   * @param keyId null: without a key
   * @param session token of the session that stands for the key; null: the request has the key itself, or none
   * @param recheck gives null once the key is expired or revoked
   */
  constructor(
    readonly scope: Scope | null,
    readonly keyId: string | null,
    readonly session: string | null = null,
    private readonly recheck: () => Promise<unknown> = async () => this,
  ) {}

  /** Whether its key is still valid, for answers that take long. */
  async isStillValid(): Promise<boolean> {
    return (await this.recheck()) !== null
  }

  may(wanted: Scope): boolean {
    return this.scope !== null && includesScope(this.scope, wanted)
  }

  /** Whether it may know about this machine: the paths of its files, what failed there. */
  get seesMachine(): boolean {
    return this.may('ingest')
  }
}

/** Headers of a proxy: behind one, a connection from this machine is not that of its user. */
const OF_PROXIES = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'] as const

export function isForwarded({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return OF_PROXIES.some(name => headers[name] !== undefined)
}

/** The key that a request carries. Other schemes of Authorization are those of proxies. */
export function keyOf({ headers }: Pick<FastifyRequest, 'headers'>): string | null {
  const own = headers['x-api-key']
  if (own !== undefined) return String(own)
  return /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1] ?? null
}
