import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import {
  embeddedLogPath,
  embeddedServerStatus,
  ensureEmbeddedServer,
  stopEmbeddedServer,
} from '../../../src/db/embedded/embedded-server.js'
import { lockPath, type ServerState } from '../../../src/db/embedded/server-lock.js'
import { type Place, processIdentity, thisPlace } from '../../../src/locks/process-identity.js'
import { builtFile } from '../../../src/package-root.js'
import { plantDatabase } from '../../support/servers/embedded-seed.js'
import { requires } from '../../support/servers/requirements.js'
import { until } from '../../support/until.js'

const IDLE_MS = 120_000

/** Without root, a user namespace gives the rights. */
const UNSHARE = process.getuid?.() === 0 ? ['unshare'] : ['unshare', '-Ur']
const hasNamespaces = requires(
  'unshare (namespaces)',
  spawnSync(UNSHARE[0]!, [...UNSHARE.slice(1), '-pfumn', '--mount-proc', 'true']).status === 0,
  'Run as root, or allow user namespaces.',
)

const CLOCK_AHEAD = `data:text/javascript,${encodeURIComponent(`
  const RealDate = Date
  const AHEAD_MS = 120_000
  globalThis.Date = class extends RealDate {
    constructor(...values) { super(...(values.length === 0 ? [RealDate.now() + AHEAD_MS] : values)) }
    static now() { return RealDate.now() + AHEAD_MS }
  }`)}`

/** Command lines in front of a program that put it somewhere else. */
const PLACES: [string, string[], string[]][] = [
  ['another PID namespace', [...UNSHARE, '-pf', '--mount-proc'], []],
  ['another PID namespace that sees the /proc of this one', [...UNSHARE, '-pf'], []],
  ['a host with another name', [...UNSHARE, '-u', 'sh', '-c', 'hostname elsewhere; exec "$@"', 'sh'], []],
  ['another network namespace', [...UNSHARE, '-n'], []],
  ['a host whose clock is 120 s ahead', [], ['--import', CLOCK_AHEAD]],
  [
    'a container, and a host whose clock is 120 s ahead',
    [...UNSHARE, '-pfumn', '--mount-proc', 'sh', '-c', 'hostname elsewhere; exec "$@"', 'sh'],
    ['--import', CLOCK_AHEAD],
  ],
]

const CLIENT = `
  import { ensureEmbeddedServer } from ${JSON.stringify(builtFile('db/embedded/embedded-server.js'))}
  import pg from 'pg'
  const { url, token } = await ensureEmbeddedServer({ dataDir: process.argv[1], idleMs: ${IDLE_MS} })
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('insert into visitors values ($1)', [token])
  await client.end()
  console.log(token)`

describe('the folder of the embedded database', () => {
  const folders: string[] = []
  afterEach(async () => {
    for (const folder of folders.splice(0)) {
      await stopEmbeddedServer(folder).catch(() => undefined)
      rmSync(folder, { recursive: true, force: true })
    }
  })

  async function aFolder(): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'uc-one-engine-'))
    folders.push(folder)
    await plantDatabase(folder, 'nothing')
    return folder
  }

  function run(prefix: string[], nodeOptions: string[], program: string[]): { status: number | null; output: string } {
    const [command, ...args] = [...prefix, process.execPath, ...nodeOptions, ...program]
    const { status, stdout, stderr } = spawnSync(command!, args, { encoding: 'utf8', timeout: 60_000 })
    return { status, output: stdout + stderr }
  }

  const serverMain = (dataDir: string) => [builtFile('db/embedded/server-main.js'), dataDir, '1000']

  test.skipIf(!hasNamespaces)('has one engine, which clients from every place use', async () => {
    const dataDir = await aFolder()
    const { url, token } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
    const query = (sql: string) => execFileSync('psql', ['-qAt', url, '-c', sql], { encoding: 'utf8' }).trim()
    query('create table visitors (token text)')
    for (const [place, prefix, options] of PLACES) {
      const client = run(prefix, options, ['--input-type=module', '-e', CLIENT, dataDir])
      expect(client, place).toEqual({ status: 0, output: `${token}\n` })
    }
    expect(query('select count(*), count(distinct token) from visitors')).toBe(`${PLACES.length}|1`)
    expect(readFileSync(embeddedLogPath(dataDir), 'utf8').match(/ready:/g)).toHaveLength(1)
  })

  test.skipIf(!hasNamespaces)(
    'is refused to a second engine from every place, also when the first one looks dead by every other sign',
    async () => {
      const dataDir = await aFolder()
      const { pid, token } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
      const looks: Record<string, () => () => void> = {
        alive: () => () => undefined,
        'silent for three minutes': () => {
          const before = new Date(Date.now() - 180_000)
          utimesSync(lockPath(dataDir), before, before)
          return () => undefined
        },
        'without a socket': () => moved(join(dataDir, '.s.PGSQL.5432')),
        'without the lock of the kernel': () => moved(join(dataDir, 'engine.lock'), true),
      }
      for (const [look, change] of Object.entries(looks)) {
        // A stopped server cannot notice, and so cannot save the data by ending itself.
        process.kill(pid, 'SIGSTOP')
        const undo = change()
        try {
          for (const [place, prefix, options] of PLACES) {
            const second = run(prefix, options, serverMain(dataDir))
            expect(second.status, `${look}, from ${place}: ${second.output}`).toBe(3)
            expect(second.output).toContain(`already served by process ${pid} on ${thisPlace().host}`)
          }
        } finally {
          undo()
          process.kill(pid, 'SIGCONT')
        }
      }
      expect((await embeddedServerStatus(dataDir))?.token).toBe(token)
    },
    120_000,
  )

  test.skipIf(!hasNamespaces)(
    'is taken over from an engine that was killed, from every place',
    async () => {
      const dataDir = await aFolder()
      for (const [place, prefix, options] of PLACES) {
        const { pid } = await ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })
        process.kill(pid, 'SIGKILL')
        await until('the end of the server', () => processIdentity(pid) === null)
        // The kernel keeps the lock until the last thread of the killed process has ended.
        const takesOver = () => run(prefix, options, serverMain(dataDir)).status === 0
        await until(`an engine that starts ${place}`, takesOver, 20_000)
      }
    },
    120_000,
  )

  test.skipIf(!hasNamespaces)('has one engine when processes of many places want it at once', async () => {
    const dataDir = await aFolder()
    const script = `
      import { ensureEmbeddedServer } from ${JSON.stringify(builtFile('db/embedded/embedded-server.js'))}
      console.log((await ensureEmbeddedServer({ dataDir: process.argv[1], idleMs: ${IDLE_MS} })).token)`
    // A server that starts in a PID namespace ends with it, so each client stays until all have a server.
    const clients = PLACES.slice(2, 5).concat([['here', [], []]])
    const tokens = await Promise.all(
      clients.map(async ([, prefix, options]) => {
        const [command, ...args] = [
          ...prefix,
          process.execPath,
          ...options,
          '--input-type=module',
          '-e',
          script,
          dataDir,
        ]
        const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] })
        let output = ''
        child.stdout.on('data', text => {
          output += text
        })
        await once(child, 'close')
        return output.trim()
      }),
    )
    expect(new Set(tokens).size).toBe(1)
  })

  const ELSEWHERE: [string, Partial<Place>, string][] = [
    ['another machine', { boot: 'another', machine: 'another', host: 'far-away' }, 'on another machine'],
    ['another machine with the same name', { boot: 'another', machine: 'another' }, 'on another machine'],
  ]
  test.each(ELSEWHERE)(
    'that a process on %s serves is refused, and nothing here is signalled',
    async (_, place, where) => {
      const dataDir = await aFolder()
      const bystander = spawn('sleep', ['300'])
      try {
        await once(bystander, 'spawn')
        const state: ServerState = {
          token: 'a token',
          pid: bystander.pid!,
          identity: processIdentity(bystander.pid!)!,
          host: place.host ?? thisPlace().host,
          startedAt: '2026-01-01T00:00:00.000Z',
          place: { ...thisPlace(), ...place },
          version: '0',
          ready: true,
        }
        writeFileSync(lockPath(dataDir), JSON.stringify(state))
        const long = new Date(Date.now() - 3_600_000)
        utimesSync(lockPath(dataDir), long, long)
        const refusal = {
          code: 'DATABASE_LOCKED',
          message: expect.stringMatching(`process ${state.pid} on ${state.host}.*${where}.*remove .*server.json`),
        }
        await expect(ensureEmbeddedServer({ dataDir, idleMs: IDLE_MS })).rejects.toMatchObject(refusal)
        await expect(stopEmbeddedServer(dataDir)).rejects.toMatchObject(refusal)
        expect(await embeddedServerStatus(dataDir)).toBeNull()
        expect(JSON.parse(readFileSync(lockPath(dataDir), 'utf8'))).toEqual(state)
        expect(processIdentity(bystander.pid!)).toBe(state.identity)
      } finally {
        bystander.kill('SIGKILL')
      }
    },
  )

  test('is taken over after a restart of the machine, once nobody has touched the lock for a minute', async () => {
    const dataDir = await aFolder()
    const state = {
      token: 't',
      pid: process.pid,
      identity: 'x',
      host: thisPlace().host,
      startedAt: 'then',
      ready: true,
    }
    writeFileSync(lockPath(dataDir), JSON.stringify({ ...state, place: { ...thisPlace(), boot: 'earlier' } }))
    // A container often has no machine id, and then nothing tells a restart from another machine.
    const isKnown = thisPlace().machine !== ''
    expect(run([], [], serverMain(dataDir)).status).toBe(isKnown ? 3 : 4)
    const before = new Date(Date.now() - 61_000)
    utimesSync(lockPath(dataDir), before, before)
    expect(run([], [], serverMain(dataDir)).status).toBe(isKnown ? 0 : 4)
  })

  test('is not signalled to stop through a number that another process has now', async () => {
    const dataDir = await aFolder()
    const bystander = spawn('sleep', ['300'])
    await once(bystander, 'spawn')
    try {
      const state = { token: 't', pid: bystander.pid, identity: `${bystander.pid}@1`, host: thisPlace().host }
      writeFileSync(lockPath(dataDir), JSON.stringify({ ...state, place: thisPlace(), startedAt: 'then', ready: true }))
      expect(await stopEmbeddedServer(dataDir)).toBe(false)
      expect(processIdentity(bystander.pid!)).not.toBeNull()
    } finally {
      bystander.kill('SIGKILL')
    }
  })

  test('is refused where the kernel gives no lock and the owner cannot be seen', async () => {
    const dataDir = await aFolder()
    const state = { token: 't', pid: 7, identity: 'x', host: thisPlace().host, startedAt: 'then', ready: true }
    writeFileSync(lockPath(dataDir), JSON.stringify({ ...state, place: { ...thisPlace(), pidNamespace: 'pid:[1]' } }))
    const noFlock = join(dataDir, 'bin')
    mkdirSync(noFlock)
    const server = spawnSync(process.execPath, serverMain(dataDir), { encoding: 'utf8', env: { PATH: noFlock } })
    expect(server.status).toBe(4)
    expect(server.stderr).toContain('in another container of this machine, and its socket does not answer here')
  })
})

/** Moves a file away, and leaves another one in its place if told. @returns puts it back */
function moved(path: string, leaveOther = false): () => void {
  renameSync(path, `${path}.away`)
  if (leaveOther) writeFileSync(path, '')
  return () => renameSync(`${path}.away`, path)
}
