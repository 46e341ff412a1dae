import { chownSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase, withVerifiedTls } from '../../src/db/connection.js'
import { openPostgresQueue } from '../../src/queue/postgres-backend.js'
import { type Authority, createAuthority, hasOpenssl } from '../support/servers/authority.js'
import { hasOwnServer, type OwnPostgres, startPostgres } from '../support/servers/postgres.js'
import { until } from '../support/until.js'

describe('sslmode', () => {
  test.each(['prefer', 'require', 'verify-ca', 'verify-full'])(
    '%s means a certificate and a name that are checked',
    mode => {
      const url = new URL(withVerifiedTls(`postgres://me@db.example/photos?sslmode=${mode}&sslrootcert=ca.pem`))
      expect(url.searchParams.get('sslmode')).toBe('verify-full')
      expect(url.searchParams.get('sslrootcert')).toBe('ca.pem')
    },
  )

  test.each([
    'postgres://me@db.example/photos',
    'postgres://me@db.example/photos?sslmode=disable',
    'postgres://me@db.example/photos?sslmode=no-verify',
    'postgres://me@db.example/photos?sslmode=require&uselibpqcompat=true',
    'postgresql:///postgres?host=/home/me/db&user=postgres',
  ])('of %s stays as it is', url => expect(withVerifiedTls(url)).toBe(url))
})

const available = hasOwnServer() && hasOpenssl()
describe.skipIf(!available)('an encrypted connection', () => {
  let authority: Authority
  let stranger: Authority
  let plain: OwnPostgres
  let encrypted: OwnPostgres
  const opened: Database[] = []

  beforeAll(async () => {
    authority = createAuthority()
    stranger = createAuthority()
    plain = await startPostgres()
    encrypted = await startPostgres()
    await turnTlsOn(encrypted.url, authority.sign('DNS:localhost,IP:127.0.0.1'))
  })
  afterAll(async () => {
    await Promise.all(opened.map(database => database.close()))
    await Promise.all([plain?.stop(), encrypted?.stop()])
    authority?.close()
    stranger?.close()
  })

  const open = async (server: OwnPostgres, parameters: Record<string, string>, reconnectMs = 60_000) => {
    const database = await openDatabase({ url: withParameters(server.url, parameters), reconnectMs })
    opened.push(database)
    return database
  }
  const isEncrypted = async (database: Database) =>
    (await database.query<{ ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()'))[0]!.ssl

  test.each(['verify-full', 'require'])('works with sslmode=%s and the authority of the server', async sslmode => {
    expect(await isEncrypted(await open(encrypted, { sslmode, sslrootcert: authority.caFile }))).toBe(true)
  })

  test('is what the queue gets, too, without a word on stderr', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error) => warnings.push(warning)
    process.on('warning', onWarning)
    const url = withParameters(encrypted.url, { sslmode: 'require', sslrootcert: authority.caFile })
    const queue = await openPostgresQueue({ url, embedded: false, name: 'tls' })
    const database = await open(encrypted, { sslmode: 'require', sslrootcert: authority.caFile })
    const connections = await database.query<{ ssl: boolean }>(
      `select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'unsplash-clip queue'`,
    )
    expect(connections.length).toBeGreaterThan(0)
    expect(connections.every(({ ssl }) => ssl)).toBe(true)
    expect(warnings).toEqual([])
    process.off('warning', onWarning)
    await queue.close()
  })

  test('is made without checking the server only where that is asked for', async () => {
    expect(await isEncrypted(await open(encrypted, { sslmode: 'require', uselibpqcompat: 'true' }))).toBe(true)
    await expect(open(encrypted, { sslmode: 'require' })).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' })
  })

  test('is refused at once when another authority signed, saying what to do', async () => {
    const startedAt = Date.now()
    await expect(open(encrypted, { sslmode: 'verify-full', sslrootcert: stranger.caFile })).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      message: expect.stringMatching(/over TLS: .*certificate.* sslmode=verify-full&sslrootcert=FILE/),
    })
    expect(Date.now() - startedAt).toBeLessThan(30_000)
  })

  test('to a server that has no TLS is refused, saying so', async () => {
    await expect(open(plain, { sslmode: 'verify-full', sslrootcert: authority.caFile })).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      message: expect.stringMatching(/does not support SSL.*ssl = on/),
    })
  })

  test('is refused when the certificate is made out to another name', async () => {
    await turnTlsOn(plain.url, authority.sign('DNS:db.example'))
    await expect(open(plain, { sslmode: 'verify-full', sslrootcert: authority.caFile })).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      message: expect.stringMatching(/127\.0\.0\.1 is not in the cert.* its certificate contains/),
    })
  })

  test('whose sslrootcert is not there is a wrong configuration', async () => {
    await expect(open(encrypted, { sslmode: 'verify-full', sslrootcert: '/nowhere/ca.pem' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('/nowhere/ca.pem'),
    })
  })
})

function withParameters(url: string, parameters: Record<string, string>): string {
  const changed = new URL(url)
  for (const [name, value] of Object.entries(parameters)) changed.searchParams.set(name, value)
  return changed.href
}

async function turnTlsOn(url: string, { certificate, key }: { certificate: string; key: string }): Promise<void> {
  const [row] = await query(url, 'show data_directory')
  const folder = String(row!.data_directory)
  const { uid, gid } = statSync(folder)
  for (const [name, text] of [
    ['server.crt', certificate],
    ['server.key', key],
  ] as const) {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    chownSync(join(folder, name), uid, gid)
  }
  await query(url, 'alter system set ssl = on', 'select pg_reload_conf()')
  await until('TLS', () => hasTls(url))
}

async function hasTls(url: string): Promise<boolean> {
  return (await query(url, 'show ssl'))[0]!.ssl === 'on'
}

/** Each statement by itself; gives the rows of the last. */
async function query(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    let rows: Record<string, unknown>[] = []
    for (const statement of statements) rows = (await client.query(statement)).rows
    return rows
  } finally {
    await client.end()
  }
}
