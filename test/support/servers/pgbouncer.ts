import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { until } from '../until.js'
import { freePort } from './free-port.js'
import { requires } from './requirements.js'

const PROGRAM = '/usr/sbin/pgbouncer'

export const hasPgbouncer = (): boolean =>
  requires('pgbouncer', existsSync(PROGRAM), 'Install pgbouncer (infra/dev/install-debian.sh).')

export interface Pgbouncer {
  /** The address of the same database through the pooler. */
  through(url: string): string
  stop(): Promise<void>
}

/** In transaction mode, with two connections to the server per database, so that clients do share them. */
export async function startPgbouncer(serverUrl: string, settings: Record<string, string> = {}): Promise<Pgbouncer> {
  const folder = mkdtempSync(join(tmpdir(), 'uc-pgbouncer-'))
  // Another server may take the port before pgbouncer does.
  for (let tries = 0; ; tries++) {
    const started = await start(folder, await freePort(), serverUrl, settings)
    if (started !== null) return started
    if (tries === 3) throw new Error(`pgbouncer ends at its start: see ${join(folder, 'log')}`)
  }
}

/** @returns null when it ends at its start */
async function start(
  folder: string,
  port: number,
  serverUrl: string,
  settings: Record<string, string>,
): Promise<Pgbouncer | null> {
  const { hostname, port: serverPort, username, password, searchParams } = new URL(serverUrl)
  const user = decodeURIComponent(username) || 'postgres'
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'trust',
    auth_file: join(folder, 'users.txt'),
    pool_mode: 'transaction',
    logfile: join(folder, 'log'),
    default_pool_size: '2',
    // Seconds; 15 if not set.
    server_login_retry: '1',
    ...settings,
  }
  const host = searchParams.get('host') ?? hostname
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`)
  writeFileSync(join(folder, 'users.txt'), `"${user}" "${decodeURIComponent(password)}"\n`)
  const target = `host=${host || '127.0.0.1'} port=${serverPort || 5432}`
  writeFileSync(join(folder, 'pgbouncer.ini'), `[databases]\n* = ${target}\n[pgbouncer]\n${lines.join('\n')}\n`)
  // It refuses to run as root.
  const owner = process.getuid?.() === 0 ? accountOf('postgres') : undefined
  if (owner) for (const path of ['', 'users.txt', 'pgbouncer.ini']) chownSync(join(folder, path), owner.uid, owner.gid)
  const child = spawn(PROGRAM, [join(folder, 'pgbouncer.ini')], { ...owner, cwd: folder, stdio: 'ignore' })
  const through = (url: string) => {
    const pooled = new URL(url)
    pooled.searchParams.delete('host')
    pooled.host = `127.0.0.1:${port}`
    return pooled.href
  }
  const hasEnded = () => child.exitCode !== null
  await until('pgbouncer to take connections', async () => hasEnded() || answers(through(serverUrl)))
  if (hasEnded()) return null
  return {
    through,
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true })
    },
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

function accountOf(user: string): { uid: number; gid: number } {
  const number = (flag: string): number => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  return { uid: number('-u'), gid: number('-g') }
}
