import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ModelSpec, resolveModel } from '../../../src/models/catalog/registry.js'
import { writePlantedClip } from '../../models/check/planted-clip.js'
import { tinySpec, writeTinyModel } from '../../models/tiny-model.js'
import { Sandbox } from '../../support/cli.js'
import { writeMiniature } from '../../support/models/miniatures.js'
import { hasReference } from '../../support/servers/requirements.js'

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await Sandbox.create()
})
afterAll(() => sandbox.close())

/** A model of the user's own in a folder that MODEL_FOLDERS names. */
async function modelFolder(name: string, shape: object): Promise<string> {
  const folder = join(sandbox.home, name)
  await mkdir(folder, { recursive: true })
  const files = { vision: 'onnx/vision_model.onnx', text: 'onnx/text_model.onnx' }
  const model = { ...shape, name, defaultPrecision: 'fp32', precisions: { fp32: files } }
  await writeFile(join(folder, 'model.json'), JSON.stringify(model))
  sandbox.environment.MODEL_FOLDERS = folder
  return folder
}

const shapeOf = ({ dimension, input, mean, std, text, scoring, logitScale, logitBias }: ModelSpec) => ({
  dimension,
  input,
  mean,
  std,
  text,
  scoring,
  logitScale,
  logitBias,
})

describe('models verify', () => {
  test('checks the files, then what the towers say, in this order', async () => {
    const { code, stdout, stderr } = await sandbox.run('models', 'verify', 'demo')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(
      /^(here {5}\S+ {2}[0-9a-f]{64}\n){6}(rewrite {2}\S+: [a-z-]+ (applied|not-needed|left-out): .*\n)+ok {7}Rewrites that make graphs faster: these have nothing to change\nnote {5}No vectors of demo are published.*\n(picture {2}(\w+): \5 \d+ %\n){6}ok .*6 of 6 rendered pictures.*\ndemo@fp32 is verified\.\n$/,
    )
  })

  test('--json gives one object a step', async () => {
    const steps = (await sandbox.run('models', 'verify', 'demo', '--json')).objects()
    expect(steps.map(({ step }) => step)).toEqual([...Array(6).fill('file'), 'rewrites', 'texts', 'pictures'])
    expect(steps.at(-1)).toMatchObject({
      ok: true,
      pictures: expect.arrayContaining([{ picture: 'boat', label: 'boat', score: expect.any(Number), ok: true }]),
    })
  })

  test('--files-only runs nothing', async () => {
    const { code, stdout } = await sandbox.run('models', 'verify', 'demo', '--files-only')
    expect([code, stdout.trim().split('\n').length]).toEqual([0, 6])
  })

  test('says which files are not those of the registry', async () => {
    const { code, stdout, stderr } = await sandbox.run('models', 'verify', 'clip-vit-b-32@int8')
    expect(code).toBe(1)
    expect(stdout.match(/^WRONG {4}.*: expected [0-9a-f]{64}, found missing$/gm)).toHaveLength(6)
    expect(stderr).toMatch(/^MODEL_DIGEST_MISMATCH: 6 of 6 files .* unsplash-clip models pull clip-vit-b-32@int8\n$/)
  })

  test('fails for towers that do not belong together', async () => {
    await writeTinyModel(await modelFolder('tiny-model', shapeOf(tinySpec)))
    const { code, stderr } = await sandbox.run('models', 'verify', 'tiny-model')
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^MODEL_INVALID: tiny-model@fp32: the image tower does not belong to the text tower: /),
    ])
  })

  test('asks a model of images alone only to tell pictures apart', async () => {
    const folder = join(sandbox.home, 'image-only')
    const { name } = await writeMiniature('image-only', folder)
    sandbox.environment.MODEL_FOLDERS = folder
    const { code, stdout } = await sandbox.run('models', 'verify', name)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^note {5}.* has no text tower\nok {7}the image tower distinguishes pictures: /m)
  })

  describe.skipIf(!hasReference())('of a folder with the shape of CLIP ViT-B/32', () => {
    const clip = shapeOf(resolveModel('clip-vit-b-32'))

    test('finds out that its towers are those of CLIP', async () => {
      await writePlantedClip(await modelFolder('like-clip', clip))
      const { code, stdout } = await sandbox.run('models', 'verify', 'like-clip')
      expect(code).toBe(0)
      expect(stdout).toContain('ok       the text tower is CLIP ViT-B/32: 16 of 16 texts give its vectors')
    })

    test('says plainly that they are not, and fails where the image tower has random weights', async () => {
      await writePlantedClip(await modelFolder('not-clip', clip), {
        embed: (_, vector) => vector.toReversed(),
        vision: 'random',
      })
      const { code, stdout, stderr } = await sandbox.run('models', 'verify', 'not-clip')
      expect(code).toBe(1)
      expect(stdout).toContain('note     this is not CLIP ViT-B/32: 0 of 16 texts give its vectors, 12 needed')
      expect(stderr).toContain('MODEL_INVALID: not-clip@fp32: the image tower does not belong to the text tower')
    })
  })
})

describe('models pull', () => {
  test('ends with the verification', async () => {
    const { code, stdout } = await sandbox.run('models', 'pull', 'demo')
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^demo@fp32 is here: .*\n(rewrite .*\n)+ok .*\nnote .*\n(picture .*\n){6}ok .*\ndemo@fp32 is verified\.\n$/,
    )
  })

  test('fails where the files are right and the towers are not, and leaves the files', async () => {
    const folder = await modelFolder('tiny-model', shapeOf(tinySpec))
    await writeTinyModel(folder)
    const { code, objects } = await sandbox.run('models', 'pull', 'tiny-model', '--json')
    expect([code, objects()[0]]).toEqual([1, { model: 'tiny-model@fp32', folder }])
    expect((await sandbox.run('models', 'pull', 'tiny-model', '--no-verify')).code).toBe(0)
    await rm(folder, { recursive: true })
  })
})
