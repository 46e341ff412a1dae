import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Sandbox } from '../../support/cli.js'
import { until } from '../../support/until.js'

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await Sandbox.create({ LOG_LEVEL: 'info' })
})
afterAll(() => sandbox?.close())

test('serve answers until Ctrl-C, and then ends with exit code 0', async () => {
  const { child, finished, stderr } = sandbox.start('serve', '--port', '0', '--json')
  const [line] = await once(child.stdout!, 'data')
  const { url, api } = JSON.parse(String(line)) as { url: string; api: string }
  expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ ok: true, problems: {} })
  const empty = await fetch(`${api}/search?q=secret%20words`)
  expect([empty.status, await empty.json()]).toEqual([409, expect.objectContaining({ code: 'NOT_EMBEDDED' })])
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('unsplash_clip_ready 1')
  const submitted = await fetch(`${api}/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ photos: [{ url: 'https://images.example/a.jpg' }] }),
  })
  expect([submitted.status, await submitted.json()]).toEqual([202, expect.objectContaining({ enqueued: 1 })])
  const run = new URL(submitted.headers.get('location')!, url).href
  expect(await (await fetch(run)).json()).toMatchObject({ run: { model: 'demo@fp32', state: 'waiting for workers' } })
  const cancelled = await fetch(`${run}/cancel`, { method: 'POST', headers: { 'x-requested-with': 'test' } })
  expect(await cancelled.json()).toMatchObject({ before: 'active', run: { state: 'cancelled' } })
  expect(await (await fetch(`${api}/queue`)).json()).toMatchObject({ waiting: 0 })
  child.kill('SIGINT')
  const { code } = await finished
  expect(code).toBe(0)
  expect(stderr()).toContain('Stopping: requests in progress are answered within 3 s or cut off. Ctrl-C again')
  expect(stderr()).not.toContain('batches')
  const logged = stderr()
    .split('\n')
    .find(text => text.includes('/api/v1/search'))
  expect(JSON.parse(logged!)).toMatchObject({ method: 'GET', status: 409, reqId: empty.headers.get('x-request-id') })
})

test('serve refuses an address that other machines reach, until there is a key; then every request needs one', async () => {
  const { code, stderr } = await sandbox.run('serve', '--host', '0.0.0.0')
  expect([code, stderr]).toEqual([2, expect.stringMatching(/keys create NAME --scope admin\. Or add --public-read/)])
  const created = await sandbox.run('keys', 'create', 'laptop', '--scope', 'ingest', '--expires', '90d')
  const key = created.stdout.trim()
  expect([created.code, key]).toEqual([0, expect.stringMatching(/^uc_[0-9a-f]{8}_[\w-]{43}$/)])
  expect(created.stderr).not.toContain(key)
  expect((await sandbox.run('keys', 'list')).stdout).toMatch(
    /^id .*\n[0-9a-f]{8} +ingest .* never +\d{4}-\d\d-\d\d +laptop\n$/,
  )

  const { child, finished, stdout } = sandbox.start('serve', '--host', '0.0.0.0', '--port', '0', '--json')
  await once(child.stdout!, 'data')
  const { url, withoutKey } = JSON.parse(stdout()) as { url: string; withoutKey: string }
  expect(withoutKey).toBe('nothing')
  const runs = `${url.replace('0.0.0.0', '127.0.0.1')}/api/v1/runs`
  expect((await fetch(runs)).status).toBe(401)
  expect((await fetch(runs, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200)
  const revoked = await sandbox.run('keys', 'revoke', 'laptop', '--json')
  expect(revoked.objects()).toEqual([expect.objectContaining({ name: 'laptop', revokedAt: expect.any(String) })])
  await until('the refusal', async () => (await fetch(runs, { headers: { 'x-api-key': key } })).status === 401)
  child.kill('SIGINT')
  expect((await finished).code).toBe(0)
})
