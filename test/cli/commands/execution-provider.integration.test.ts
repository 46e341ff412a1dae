import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Sandbox } from '../../support/cli.js'

/** One that this system cannot have. */
const FOREIGN = process.platform === 'linux' ? 'coreml' : 'cuda'

let sandbox: Sandbox

beforeAll(async () => {
  sandbox = await Sandbox.createEmpty({ LOG_LEVEL: 'info' })
})

afterAll(async () => {
  withProvider('cpu')
  await sandbox.close()
})

function withProvider(provider: string): void {
  sandbox.environment.EXECUTION_PROVIDER = provider
}

test('A worker whose provider cannot be used says so before it opens anything', async () => {
  withProvider(FOREIGN)
  const { code, stderr } = await sandbox.run('worker', '--until-idle')
  expect(code).toBe(2)
  expect(stderr).toMatch(new RegExp(`^CONFIG_INVALID: EXECUTION_PROVIDER: ${FOREIGN} expects .*\n$`))
  expect(existsSync(join(sandbox.home, 'database'))).toBe(false)
})

test('Several workers end with the same error', async () => {
  withProvider(FOREIGN)
  const { code, stderr } = await sandbox.run('worker', '--until-idle', '--processes', '2')
  expect(code).toBe(2)
  expect(stderr).toContain(`CONFIG_INVALID: EXECUTION_PROVIDER: ${FOREIGN} expects`)
})

test('A fallback is announced, and so is where the encoder computes', async () => {
  withProvider(`${FOREIGN},cpu`)
  const { code, stderr } = await sandbox.run('worker', '--until-idle')
  expect(code).toBe(0)
  expect(stderr).toContain(`EXECUTION_PROVIDER: ${FOREIGN} cannot be used here, cpu takes its place`)
  expect(stderr).toMatch(/"provider":"cpu".*the encoder computes here/)
  expect(stderr).toMatch(/"rewrites":\{"[^"]+\.onnx":\["class-token-only not-needed".*the encoder computes here/)
})

test('A name that is no provider is refused with those that are', async () => {
  withProvider('gpu')
  const { code, stderr } = await sandbox.run('status')
  expect(code).toBe(2)
  expect(stderr).toMatch(/EXECUTION_PROVIDER: expected cpu, cuda, tensorrt, webgpu, coreml, dml.*found "gpu"/)
})
