// Starts a Postgres for one benchmark: in a temporary folder, on a free port of loopback, with its default settings (fsync
// on), so that figures are those of an untuned server.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { freePort } from './free-port.mjs'

const INSTALLED = '/usr/lib/postgresql'

/** @returns {Promise<{ url: string, pid: number, folder: string, stop(): Promise<void> }>} */
export async function startPostgres() {
  const folder = mkdtempSync(join(tmpdir(), 'unsplash-clip-bench-'))
  // Postgres refuses to run as root.
  const owner = process.getuid() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {}
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid)
  const data = join(folder, 'data')
  const options = { ...owner, cwd: folder, stdio: 'ignore' }
  execFileSync(
    program('initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8'],
    options,
  )
  const port = await freePort()
  const listen = ['-p', String(port), '-k', folder, '-c', 'listen_addresses=127.0.0.1']
  const server = spawn(program('postgres'), ['-D', data, ...listen], options)
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`
  for (let tries = 0; !(await answers(url)); tries++) {
    if (tries === 300) throw new Error('Postgres does not take connections')
    await pause(100)
  }
  return {
    url,
    pid: server.pid,
    /** Contains all of its data. */
    folder,
    async stop() {
      server.kill('SIGINT')
      await once(server, 'exit')
      rmSync(folder, { recursive: true })
    },
  }
}

/** The path of a program of the newest Postgres that is installed. */
export function program(name) {
  const versions = existsSync(INSTALLED) ? readdirSync(INSTALLED).sort((a, b) => Number(b) - Number(a)) : []
  return [...versions.map(version => join(INSTALLED, version, 'bin', name)).filter(existsSync), name][0]
}

/** User (-u) or group (-g) of Postgres on this machine. */
export function idOf(flag) {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
}

async function answers(url) {
  const client = new pg.Client({ connectionString: url })
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}
