import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { composeScene, renderScene } from '../../../src/demo-scenes/scenes.js'
import { MADE_RECORD } from '../../../src/models/files/made-record.js'
import { Sandbox } from '../../support/cli.js'

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await Sandbox.create()
  const folder = join(sandbox.home, 'optimum')
  await cp(join(import.meta.dirname, '..', '..', 'models', 'exported', 'optimum'), folder, { recursive: true })
  sandbox.environment.MODEL_FOLDERS = folder
  sandbox.environment.MODELS_DIR = join(sandbox.home, 'models')
})
afterAll(() => sandbox.close())

test('models pull makes int8-smooth, and says how near it is to fp32', async () => {
  const { code, stdout } = await sandbox.run('models', 'pull', 'optimum@int8-smooth', '--no-verify')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^optimum@int8-smooth is here: .*\/models\/optimum\n/)
  expect(stdout).toMatch(/ made of optimum@fp32\. .*pictures 0\.99\d\d \(least 0\.9\d+\), texts 0\.99\d\d \(/)
  const { objects } = await sandbox.run('models', 'pull', 'optimum@int8-smooth', '--no-verify', '--json')
  expect(objects()).toEqual([
    expect.objectContaining({
      model: 'optimum@int8-smooth',
      revision: expect.stringMatching(/^recipe2-/),
      cosine: { pictures: expect.anything(), texts: expect.anything() },
    }),
  ])
})

test('models verify compares what was made with its digests, and says what to do about a wrong file', async () => {
  const verify = () => sandbox.run('models', 'verify', 'optimum@int8-smooth', '--files-only')
  const right = await verify()
  expect([right.code, right.stdout.match(/^ok /gm)?.length, right.stdout.match(/^here /gm)?.length]).toEqual([0, 2, 2])
  await writeFile(join(sandbox.home, 'models/optimum/onnx/text_model_int8_smooth.onnx'), 'damaged')
  const { code, stderr } = await verify()
  expect(code).toBe(1)
  expect(stderr).toMatch(/^MODEL_DIGEST_MISMATCH: 1 of 4 .* unsplash-clip models pull optimum@int8-smooth\n$/)
})

test('models compare makes what it needs', async () => {
  await rm(join(sandbox.home, 'models/optimum', MADE_RECORD))
  const photos = join(sandbox.home, 'photos')
  await mkdir(photos)
  for (const seed of [1, 2, 3]) await writeFile(join(photos, `${seed}.jpg`), await renderScene(composeScene(seed)))
  const models = ['optimum@int8-smooth', 'optimum@fp32']
  const { code, stdout } = await sandbox.run('models', 'compare', ...models, '--photos', photos)
  expect(code).toBe(0)
  expect(stdout).toMatch(/^optimum@int8-smooth and optimum@fp32: 3 photos/)
})
