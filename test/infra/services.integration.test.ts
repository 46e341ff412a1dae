import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { processIdentity } from '../../src/locks/process-identity.js'
import { hasOwnServer } from '../support/servers/postgres.js'
import { hasRedis } from '../support/servers/redis.js'
import { until } from '../support/until.js'

const SCRIPT = resolve('infra/dev/services.sh')
const SERVICES = ['redis', 'postgres', 's3'] as const

let parent: string
let folder: string
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'unsplash-clip-services-'))
  folder = join(parent, 'services')
})
afterEach(async () => {
  await services('down')
  await rm(parent, { recursive: true })
})

async function services(verb: string, environment: Record<string, string> = {}) {
  const child = spawn('bash', [SCRIPT, verb], {
    env: { ...process.env, SERVICES_DIR: folder, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (output += text))
  // "close" waits for the ends of the pipes: a server that held them would keep a caller waiting for ever.
  const [code] = await once(child, 'close')
  return { code: code as number, output }
}

/** What `. FOLDER/env` sets. */
async function exported(): Promise<Record<string, string>> {
  const text = (await readFile(join(folder, 'env'), 'utf8')).replaceAll(/^export /gm, '')
  return parseEnv(text) as Record<string, string>
}

const pidOf = async (service: string): Promise<number> => Number(await readFile(join(folder, service, 'pid'), 'utf8'))

const pids = (): Promise<number[]> => Promise.all(SERVICES.map(pidOf))

async function query(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return Object.values((await client.query(sql)).rows[0] ?? {})[0]
  } finally {
    await client.end()
  }
}

async function onRedis<T>(url: string, act: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url)
  try {
    return await act(client)
  } finally {
    client.disconnect()
  }
}

async function keysOf(env: Record<string, string>): Promise<string[]> {
  const client = new S3Client({
    endpoint: env.TEST_S3_ENDPOINT,
    forcePathStyle: true,
    region: 'us-east-1',
    credentials: { accessKeyId: env.TEST_S3_ACCESS_KEY_ID!, secretAccessKey: env.TEST_S3_SECRET_ACCESS_KEY! },
  })
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: env.TEST_S3_BUCKET }))
  client.destroy()
  return Contents.map(object => object.Key!)
}

const installed = [hasRedis(), hasOwnServer()].every(Boolean)

describe.skipIf(!installed)('infra/dev/services.sh, without Docker', () => {
  // A real engine would be used instead of Debian's programs.
  const noDocker = { DOCKER_HOST: 'tcp://127.0.0.1:1' }
  const run = (verb: string) => services(verb, noDocker)

  test('starts servers that the exported addresses lead to, says what runs, and leaves nothing', async () => {
    expect(await run('status')).toMatchObject({ code: 1, output: expect.stringMatching(/redis +does not run/) })
    expect(await run('up')).toMatchObject({ code: 0 })

    const env = await exported()
    await query(env.TEST_DATABASE_URL!, 'create extension vector')
    expect(await query(env.TEST_DATABASE_URL!, `select '[1,2]'::vector <=> '[1,2]'::vector`)).toBe(0)
    const policy = await onRedis(env.TEST_REDIS_URL!, client => client.config('GET', 'maxmemory-policy', 'appendonly'))
    expect(policy).toEqual(expect.arrayContaining(['noeviction', 'yes']))
    expect(await keysOf(env)).toEqual([])

    const status = await run('status')
    expect(status.code).toBe(0)
    for (const service of SERVICES)
      expect(status.output).toMatch(new RegExp(`${service} +runs on 127\\.0\\.0\\.1:\\d+`))
    expect(status.output).toContain(`export TEST_REDIS_URL='${env.TEST_REDIS_URL}'`)

    const processes = await pids()
    expect(await run('down')).toMatchObject({ code: 0 })
    expect(existsSync(folder)).toBe(false)
    await until('the ends of the servers', () => processes.every(pid => processIdentity(pid) === null))
  })

  test('started twice it keeps the servers; one that died comes back at its address with its data', async () => {
    await run('up')
    const [first, env] = [await pids(), await exported()]
    await run('up')
    expect(await pids()).toEqual(first)

    await onRedis(env.TEST_REDIS_URL!, client => client.set('kept', 'yes'))
    await query(env.TEST_DATABASE_URL!, 'create table kept as select 1 as one')
    for (const service of ['redis', 'postgres']) process.kill(await pidOf(service), 'SIGKILL')
    await until('their ends', async () => (await run('status')).code === 1)
    expect(await run('up')).toMatchObject({ code: 0 })
    expect(await exported()).toEqual(env)
    expect(await onRedis(env.TEST_REDIS_URL!, client => client.get('kept'))).toBe('yes')
    expect(await query(env.TEST_DATABASE_URL!, 'select one from kept')).toBe(1)
    expect(await pidOf('s3')).toBe(first[2])
  })

  test('lets nobody in without the password, which only its owner can read', async () => {
    await run('up')
    const env = await exported()
    const stranger = (url: string) => url.replace(/:[^:@/]+@/, ':wrong@')
    await expect(query(stranger(env.TEST_DATABASE_URL!), 'select 1')).rejects.toThrow(/password/)
    const client = new Redis(env.TEST_REDIS_URL!.replace(/:[^:@/]+@/, ''), { lazyConnect: true })
    client.on('error', () => {})
    await expect(client.ping()).rejects.toThrow(/NOAUTH/)
    client.disconnect()
    const { mode } = await stat(join(folder, 'env'))
    expect(mode & 0o077).toBe(0)
  })
})

/** Answers like Docker's program with an engine behind it, and writes down what it was asked. */
const DOCKER = `#!/bin/sh
echo "$@" >>"$(dirname "$0")/asked"
case "$*" in
  *" port postgres 5432") echo 127.0.0.1:40001 ;;
  *" port redis 6379") echo 127.0.0.1:40002 ;;
  *" port s3 7070") echo 127.0.0.1:40003 ;;
  *"ps --status running --services") printf 'postgres\\nredis\\ns3\\n' ;;
esac
`

test('infra/dev/services.sh with Docker starts the servers of infra/compose.yaml, and names their published ports', async () => {
  const bin = join(parent, 'bin')
  await mkdir(bin)
  await writeFile(join(bin, 'docker'), DOCKER, { mode: 0o755 })
  const withDocker = { PATH: `${bin}${delimiter}${process.env.PATH}` }
  expect(await services('up', withDocker)).toMatchObject({ code: 0 })
  const env = await exported()
  expect(env.TEST_DATABASE_URL).toMatch(/^postgresql:\/\/unsplash_clip:[0-9a-f]{32}@127\.0\.0\.1:40001\/unsplash_clip$/)
  expect(env.TEST_REDIS_URL).toMatch(/^redis:\/\/:[0-9a-f]{32}@127\.0\.0\.1:40002$/)
  expect(env.TEST_S3_ENDPOINT).toBe('http://127.0.0.1:40003')
  expect(await services('status', withDocker)).toMatchObject({ code: 0 })
  expect(await services('down', withDocker)).toMatchObject({ code: 0 })
  expect(existsSync(folder)).toBe(false)

  const asked = await readFile(join(bin, 'asked'), 'utf8')
  for (const expected of [/up --detach --wait postgres redis s3$/m, /run --rm bucket$/m, /down --volumes/])
    expect(asked).toMatch(expected)
  expect(asked).toContain(`-f ${resolve('infra/compose.yaml')} -f ${resolve('infra/dev/compose.yaml')}`)
})
