import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Sandbox } from '../../support/cli.js'
import { ModelHub } from '../../support/models/model-hub.js'

const REPOSITORIES = resolve('test/models/repositories')
const TOKEN = 'hf_aTokenThatNobodyMayEverSee42'
const COMMIT = 'a'.repeat(40)

let hub: ModelHub
let sandbox: Sandbox
let shared: string
beforeAll(async () => {
  hub = await ModelHub.start()
  shared = await mkdtemp(join(tmpdir(), 'lock-'))
  const settings = { HF_ENDPOINT: hub.endpoint, HF_TOKEN: TOKEN, MODELS_LOCK: join(shared, 'models.lock.json') }
  sandbox = await Sandbox.create(settings, { hosted: true })
  hub.publish('lab/CLIP-Tiny', join(REPOSITORIES, 'clip'), { commit: COMMIT, license: 'mit', token: TOKEN })
})
afterAll(async () => {
  await sandbox?.close()
  await hub?.close()
  await rm(shared, { recursive: true, force: true })
})

test('models add derives, pins, tests, and says what it could not confirm of random weights', async () => {
  const { code, stdout, stderr } = await sandbox.run('models', 'add', 'hf:lab/CLIP-Tiny')
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/^hf:lab\/CLIP-Tiny at a{40}: 6 files, .* in .*\/models\/clip-tiny\n/)
  expect(stdout).toMatch(
    /^derived {2}input +32 × 32, the centre of the shortest edge resized to 32, bicubic {2}\(preprocessor_config\.json\)$/m,
  )
  expect(stdout).toMatch(/^derived {2}labels +softmax of 99\.4843 × cosine \+ 0 {2}\(model\.safetensors\)$/m)
  expect(stdout).toMatch(/^pinned {3}[0-9a-f]{64} {2}onnx\/vision_model\.onnx$/m)
  expect(stdout).toMatch(/^confirmed {6}pictures give finite embeddings of 16 numbers that differ$/m)
  expect(stdout).toMatch(/^confirmed {6}padding changes no embedding/m)
  expect(stdout).toMatch(/^not confirmed {2}that it understands anything: .* Random weights give such figures too\./m)
  expect(stdout).toMatch(/clip-tiny@fp32 is added\. Use it: npx unsplash-clip ingest PHOTOS --model clip-tiny@fp32/)
  expect(stdout + stderr).not.toContain(TOKEN)
  expect(hub.contentRequests.every(({ authorization }) => authorization === undefined)).toBe(true)
})

test('models list names its source and commit; every command takes its name', async () => {
  const { stdout } = await sandbox.run('models', 'list')
  expect(stdout).toMatch(/^clip-tiny@fp32 \(default\) +16 .* here .*CLIP-Tiny$/m)
  expect(stdout).toMatch(/^clip-tiny: added from hf:lab\/CLIP-Tiny@a{40}$/m)
  const { code, stdout: verified } = await sandbox.run('models', 'verify', 'clip-tiny', '--files-only')
  expect([code, verified.match(/^ok /gm)?.length]).toEqual([0, 6])
})

test('another machine with the lock file fetches the same files, and refuses changed ones', async () => {
  const { HF_ENDPOINT, MODELS_LOCK } = sandbox.environment
  const other = await Sandbox.createEmpty({ HF_ENDPOINT: HF_ENDPOINT!, HF_TOKEN: TOKEN, MODELS_LOCK: MODELS_LOCK! })
  try {
    hub.tampered.set('onnx/text_model.onnx', Buffer.from('something else'))
    const refused = await other.run('models', 'pull', 'clip-tiny', '--no-verify')
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/^MODEL_DIGEST_MISMATCH: .*models add … --update/),
    ])
    hub.tampered.clear()
    const fetched = await other.run('models', 'pull', 'clip-tiny', '--no-verify')
    expect([fetched.code, fetched.stderr]).toEqual([0, ''])
  } finally {
    await other.close()
  }
})

test('models add takes a folder, of images alone, and --json prints what was derived', async () => {
  const { code, objects } = await sandbox.run('models', 'add', join(REPOSITORIES, 'dinov2'), '--json')
  expect(code).toBe(0)
  expect(objects().at(-1)).toMatchObject({
    model: 'dinov2@fp32',
    source: join(REPOSITORIES, 'dinov2'),
    revision: null,
    entry: { dimension: 32, pooling: 'first' },
    notConfirmed: expect.arrayContaining([expect.stringContaining('a model without texts cannot be asked')]),
  })
})

test('wrong use says what is expected', async () => {
  const fields = join(shared, 'fields.json')
  await writeFile(fields, '{"name": "x"}')
  for (const [args, message] of [
    [['lab/clip:x'], /^INPUT|^USAGE|^MODEL_NOT_FOUND/],
    [['hf:clip'], /^USAGE: models add expects hf:owner\/name, .*found "hf:clip"/],
    [['hf:lab/CLIP-Tiny', '--name', 'demo'], /^USAGE: demo is a model of this program\. .*--name/],
    [['hf:lab/CLIP-Tiny', '--fields', fields], /^INPUT_INVALID: --fields .*found name/],
    [
      [join(REPOSITORIES, 'clip-merged'), '--name', 'clip-tiny'],
      /^USAGE: clip-tiny is already added from hf:lab\/CLIP-Tiny/,
    ],
  ] as const) {
    const { code, stderr } = await sandbox.run('models', 'add', ...args)
    expect([code === 0, stderr]).toEqual([false, expect.stringMatching(message)])
  }
})

test('models remove takes it away', async () => {
  const { code, stdout } = await sandbox.run('models', 'remove', 'clip-tiny')
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^clip-tiny is removed: 6 files, /)])
  expect(Object.keys(JSON.parse(await readFile(sandbox.environment.MODELS_LOCK!, 'utf8')).models)).toEqual(['dinov2'])
  expect((await sandbox.run('models', 'remove', 'clip-tiny')).stderr).toMatch(/^MODEL_UNKNOWN: .*Added: dinov2\./)
})
