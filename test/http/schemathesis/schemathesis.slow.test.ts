import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ScenePhotos, scenePhotos } from '../../cli/scene-photos.js'
import { type Running, Sandbox } from '../../support/cli.js'
import { hasPython, pythonEnvironment } from '../../support/python/environment.js'
import { embeddedServer, type TestServer } from '../../support/servers/postgres.js'

const HERE = resolve('test/http/schemathesis')
/** Requests per operation that are generated at random, beside those for every property of the schema. */
const EXAMPLES = process.env.SCHEMATHESIS_EXAMPLES ?? '10'

describe.skipIf(!hasPython())('schemathesis, with all of its checks', () => {
  let server: TestServer
  let scenes: ScenePhotos
  let sandbox: Sandbox
  let serving: Running
  let url: string
  let key: string

  beforeAll(async () => {
    server = await embeddedServer()
    const database = await server.freshUrl()
    scenes = await scenePhotos(database)
    sandbox = await Sandbox.create({ DATABASE_URL: database, LOG_LEVEL: 'warn' })
    key = (await sandbox.run('keys', 'create', 'test', '--scope', 'admin')).stdout.trim()
    const limits = ['--requests-per-minute', '0', '--wrong-keys-per-minute', '1000000']
    serving = sandbox.start('serve', '--port', '0', ...limits, '--json')
    const [line] = await once(serving.child.stdout!, 'data')
    url = (JSON.parse(String(line)) as { url: string }).url
  })
  afterAll(async () => {
    serving?.child.kill('SIGTERM')
    await serving?.finished
    await scenes?.close()
    await sandbox?.close()
    await server?.close()
  })

  /** @returns what schemathesis printed, and its exit code */
  async function check(...options: string[]): Promise<{ code: number | null; printed: string }> {
    const programs = await pythonEnvironment(join(HERE, 'requirements.txt'))
    const config = ['--config-file', join(HERE, 'schemathesis.toml')]
    const given = ['--header', `Authorization: Bearer ${key}`, '--max-examples', EXAMPLES, ...options]
    const child = spawn(join(programs, 'schemathesis'), [...config, 'run', `${url}/api/v1/openapi.json`, ...given], {
      cwd: sandbox.home,
      env: { ...process.env, SCHEMATHESIS_HOOKS: 'hooks', PYTHONPATH: HERE, PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let printed = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        printed += text
      })
    const [code] = await once(child, 'close')
    return { code, printed }
  }

  test('finds no failure in any operation', { timeout: 1_200_000 }, async () => {
    const { code, printed } = await check()
    expect(code, printed.slice(-20_000)).toBe(0)
    expect(printed).toMatch(/\b([1-9]\d{3,}) generated, \1 passed/)
    expect(serving.stderr()).not.toContain('"level":50')
  })
})
