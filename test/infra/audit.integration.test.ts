import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startHttp, type TestServer } from '../support/servers/http-server.js'

let registry: TestServer | undefined
/** npm remembers advisories by their number. */
let cache: string
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'unsplash-clip-npm-'))
})
afterEach(async () => {
  await registry?.close()
  await rm(cache, { recursive: true })
})

const version = JSON.parse(readFileSync('package.json', 'utf8')).dependencies.pg as string
/** npm asks which versions of an affected package there are. */
const PACKAGE = { name: 'pg', 'dist-tags': { latest: version }, versions: { [version]: { name: 'pg', version } } }

/** Runs the audit against a registry that answers questions for advisories like this, and knows one package. */
async function audit(advisories: RequestListener) {
  registry = await startHttp((request, response) => {
    if (request.url?.endsWith('/advisories/bulk')) advisories(request, response)
    else if (request.url === '/pg') answer(PACKAGE)(request, response)
    else response.writeHead(404).end('{}')
  })
  const child = spawn('bash', ['infra/dev/audit.sh'], {
    env: {
      ...process.env,
      npm_config_registry: registry.origin,
      npm_config_cache: cache,
      npm_config_fetch_retries: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (output += text))
  const [code] = await once(child, 'close')
  return { code: code as number, output }
}

const answer =
  (body: unknown): RequestListener =>
  (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))

const advisory = (severity: string) => ({
  pg: [{ id: 1, url: 'https://example.test/1', title: 'Made up', severity, vulnerable_versions: '*' }],
})

test('passes when no advisory applies', async () => {
  expect(await audit(answer({}))).toMatchObject({ code: 0, output: expect.stringContaining('No known vulnerability') })
})

test('passes when only advisories of a lower level apply', async () => {
  expect(await audit(answer(advisory('moderate')))).toMatchObject({
    code: 0,
    output: expect.stringContaining('level high or critical'),
  })
})

test('fails and names the package when one of level high applies', async () => {
  const { code, output } = await audit(answer(advisory('high')))
  expect(code).toBe(1)
  expect(output).toMatch(/^pg /m)
  expect(output).toContain('Made up')
})

test('says loudly that nothing was audited where the registry has no advisory service', async () => {
  const { code, output } = await audit((_request, response) => response.writeHead(405).end())
  expect(code).toBe(0)
  expect(output).toContain('DEPENDENCIES NOT AUDITED')
  expect(output).toContain('405')
})
