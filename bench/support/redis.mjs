// Starts a Redis for one benchmark, on a free port of loopback, with the log that workers need to lose nothing (AOF).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { freePort } from './free-port.mjs'

/** @returns {Promise<{ url: string, pid: number, folder: string, stop(): Promise<void> }>} */
export async function startRedis() {
  const folder = mkdtempSync(join(tmpdir(), 'unsplash-clip-bench-'))
  const port = await freePort()
  const settings = ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--save', '']
  const server = spawn('redis-server', settings.map(String), { stdio: 'ignore' })
  const url = `redis://127.0.0.1:${port}`
  const client = new Redis(url, { maxRetriesPerRequest: null })
  client.on('error', () => {})
  const failed = once(server, 'error').then(([error]) => Promise.reject(error))
  failed.catch(() => {})
  await Promise.race([
    client.ping(),
    failed,
    pause(30_000).then(() => Promise.reject(new Error('Redis does not start'))),
  ])
  client.disconnect()
  return {
    url,
    pid: server.pid,
    /** Contains all of its data. */
    folder,
    async stop() {
      server.kill('SIGTERM')
      await once(server, 'exit')
      rmSync(folder, { recursive: true })
    },
  }
}
