// Postgres and Redis whose data stay in a folder from one start of the rehearsal to the next, and a server of one picture.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import sharp from 'sharp'
import { idOf, program } from '../support/postgres.mjs'

/** A server for this collection, as docs/guides/deployment.md advises; a quarter of the memory at most for pages. */
const settingsOf = memoryGib => ({
  shared_buffers: `${Math.max(1, Math.floor(memoryGib / 5))}GB`,
  maintenance_work_mem: '1GB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  wal_compression: 'on',
  listen_addresses: '127.0.0.1',
})

/** @param port kept from start to start @returns its address, the process, and `stop` */
export async function openPostgres(folder, port, memoryGib) {
  const data = join(folder, 'postgres')
  const owner = process.getuid() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {}
  const options = { ...owner, cwd: '/', stdio: 'ignore' }
  if (!existsSync(join(data, 'PG_VERSION'))) {
    rmSync(data, { recursive: true, force: true })
    mkdirSync(data)
    if (owner.uid !== undefined) chownSync(data, owner.uid, owner.gid)
    execFileSync(
      program('initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8'],
      options,
    )
  }
  chmodSync(data, 0o700)
  // Left by a rehearsal that was killed.
  if (existsSync(join(data, 'postmaster.pid')))
    try {
      execFileSync(program('pg_ctl'), ['-D', data, '-m', 'fast', '-w', '-t', '600', 'stop'], options)
    } catch {
      // Since a reboot only the file is there, which the next start replaces.
    }
  const parameters = Object.entries(settingsOf(memoryGib)).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn(program('postgres'), ['-D', data, '-p', String(port), '-k', data, ...parameters], options)
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`
  // Recovery after a kill may take minutes.
  await untilAnswers(() => queryOnce(url, 'select 1'), server, 'Postgres', 600)
  return {
    url,
    pid: server.pid,
    data,
    async stop() {
      server.kill('SIGINT')
      await once(server, 'exit')
    },
  }
}

export async function openRedis(folder, port) {
  const data = join(folder, 'redis')
  mkdirSync(data, { recursive: true })
  const url = `redis://127.0.0.1:${port}`
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => {})
  await client.connect().then(
    () => client.shutdown().catch(() => {}),
    () => {},
  )
  client.disconnect()
  const settings = ['--port', port, '--bind', '127.0.0.1', '--dir', data, '--appendonly', 'yes', '--save', '']
  const server = spawn('redis-server', settings.map(String), { stdio: 'ignore' })
  await untilAnswers(() => pingOnce(url), server, 'Redis', 120)
  return {
    url,
    pid: server.pid,
    data,
    async stop() {
      server.kill('SIGTERM')
      await once(server, 'exit')
    },
  }
}

/** One picture for every path, as small as the model's input. */
export async function servePicture(port) {
  const picture = await sharp({ create: { width: 320, height: 240, channels: 3, background: '#4060a0' } })
    .jpeg()
    .toBuffer()
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': picture.length }).end(picture)
  })
  server.keepAliveTimeout = 60_000
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function untilAnswers(ask, server, name, seconds) {
  let failure = null
  server.once('error', error => {
    failure = error
  })
  for (let tries = 0; ; tries++) {
    if (failure) throw failure
    if (server.exitCode !== null) throw new Error(`${name} ended with ${server.exitCode}`)
    try {
      return await ask()
    } catch (error) {
      if (tries === 5 * seconds) throw new Error(`${name} does not answer`, { cause: error })
    }
    await pause(200)
  }
}

async function queryOnce(url, sql) {
  const client = new pg.Client({ connectionString: url })
  try {
    await client.connect()
    await client.query(sql)
  } finally {
    await client.end().catch(() => {})
  }
}

async function pingOnce(url) {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => {})
  try {
    await client.connect()
    // Fails while the log is read.
    await client.ping()
  } finally {
    client.disconnect()
  }
}
