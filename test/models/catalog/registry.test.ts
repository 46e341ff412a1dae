import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { modelKey } from '../../../src/domain/model.js'
import { identify } from '../../../src/models/catalog/identity.js'
import { listModels } from '../../../src/models/catalog/list-models.js'
import { type HubModelSpec, isFromHub, MODELS, resolveModel } from '../../../src/models/catalog/registry.js'
import { modelFolder } from '../../../src/models/files/files.js'
import { FolderSource } from '../../../src/models/files/folder-source.js'
import { HubSource, hubUrl } from '../../../src/models/files/hub-source.js'
import { S3Source } from '../../../src/models/files/s3-source.js'
import { modelSource } from '../../../src/models/files/sources.js'

describe('a reference', () => {
  test.each([
    ['clip-vit-b-32', 'int8-smooth'],
    ['clip-vit-b-32@int8', 'int8'],
    ['clip-vit-b-32@fp32', 'fp32'],
    ['clip-vit-b-16', 'int8-smooth'],
    ['clip-vit-b-16@int8', 'int8'],
    ['clip-vit-b-16@fp16', 'fp16'],
    ['clip-vit-l-14@fp16', 'fp16'],
    ['siglip-b-16-224@q4', 'q4'],
    ['efficientnet-b0', 'fp32'],
    ['demo', 'fp32'],
  ])('%s means precision %s', (reference, precision) => {
    expect(resolveModel(reference)).toMatchObject({ name: reference.split('@')[0], precision })
  })

  test.each(['clip', 'clip-vit-b-32@int4', '', '@', 'demo@int8@fp32'])(
    '%j is unknown, and all known ones are listed',
    text => {
      expect(() => resolveModel(text)).toThrow(
        expect.objectContaining({
          code: 'MODEL_UNKNOWN',
          message: expect.stringMatching(
            /clip-vit-b-32@int8, clip-vit-b-32@fp32, clip-vit-b-32@int8-smooth \(or clip-vit-b-32\), .*, demo@fp32 \(or demo\)\..*MODEL_FOLDERS/,
          ),
        }),
      )
    },
  )
})

test('every listed file has a size, a digest, and a name that stays in the model’s folder', () => {
  for (const { origin } of MODELS.filter(isFromHub))
    for (const { path, bytes, sha256 } of origin.files) {
      expect(bytes).toBeGreaterThan(0)
      expect(sha256).toMatch(/^[0-9a-f]{64}$/)
      expect(path).toMatch(/^(onnx\/)?[a-z0-9_]+\.(json|onnx)$/)
    }
})

test('a file’s address on a hub holds the pinned revision', () => {
  const clip = resolveModel('clip-vit-b-32@int8') as HubModelSpec
  expect(hubUrl('https://mirror.example/', clip, clip.origin.files[0]!)).toBe(
    'https://mirror.example/Xenova/clip-vit-base-patch32/resolve/d15189d7028b43f1d3e65039190477f6af591c2a/config.json',
  )
})

test('a file that another repository holds is fetched from there: CLIP has one tokenizer', () => {
  const clip = resolveModel('clip-vit-b-16@int8') as HubModelSpec
  const address = (path: string) => hubUrl('https://hub', clip, clip.origin.files.find(file => file.path === path)!)
  expect(address('tokenizer.json')).toContain(
    '/Xenova/clip-vit-base-patch32/resolve/d15189d7028b43f1d3e65039190477f6af591c2a/',
  )
  expect(address('onnx/vision_model_quantized.onnx')).toContain('/Xenova/clip-vit-base-patch16/resolve/c32d8e02')
})

test('what has pinned digests is fetched; of the rest the user has to name the folder, and the message says how', () => {
  const kinds = Object.fromEntries(MODELS.map(model => [modelKey(model), model.origin.kind]))
  expect(kinds).toEqual({
    'clip-vit-b-32@int8': 'hub',
    'clip-vit-b-32@fp32': 'hub',
    'clip-vit-b-32@int8-smooth': 'made',
    'clip-vit-b-32@fp16': 'unpinned',
    'clip-vit-b-16@int8': 'hub',
    'clip-vit-b-16@fp32': 'hub',
    'clip-vit-b-16@int8-smooth': 'made',
    'clip-vit-b-16@fp16': 'hub',
    'clip-vit-l-14@int8': 'unpinned',
    'clip-vit-l-14@fp32': 'unpinned',
    'clip-vit-l-14@fp16': 'unpinned',
    'siglip-b-16-224@int8': 'unpinned',
    'siglip-b-16-224@fp32': 'unpinned',
    'siglip-b-16-224@fp16': 'unpinned',
    'siglip-b-16-224@q4': 'unpinned',
    'efficientnet-b0@fp32': 'unpinned',
    'demo@fp32': 'bundled',
  })
  const place = () => modelFolder(resolveModel('siglip-b-16-224@fp16'), '/cache')
  expect(place).toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND' }))
  expect(place).toThrow(
    /onnx\/text_model_fp16\.onnx\n {2}onnx\/vision_model_fp16\.onnx\n.*MODEL_FOLDERS=siglip-b-16-224=\//,
  )
})

describe('the setting MODEL_SOURCE', () => {
  const settings = { hubEndpoint: 'https://hub.example', s3: { region: 'us-east-1', forcePathStyle: true } }
  const clip = resolveModel('clip-vit-b-32@int8') as HubModelSpec
  const located = (text: string | undefined) =>
    modelSource({ ...settings, modelSource: text }).locate(clip, clip.origin.files[0]!)
  const onHub = `Xenova/clip-vit-base-patch32/resolve/${clip.origin.revision}/config.json`

  test.each([
    [undefined, HubSource, `https://hub.example/${onHub}`],
    ['http://127.0.0.1:8080/', HubSource, `http://127.0.0.1:8080/${onHub}`],
    ['http://somebody:secret@127.0.0.1:8080', HubSource, `http://127.0.0.1:8080/${onHub}`],
    ['/mnt/models', FolderSource, '/mnt/models/config.json'],
    ['models', FolderSource, join(process.cwd(), 'models/config.json')],
    ['file:///mnt/my%20models', FolderSource, '/mnt/my models/config.json'],
    ['s3://bucket', S3Source, 's3://bucket/config.json'],
    ['s3://bucket/some/prefix/', S3Source, 's3://bucket/some/prefix/config.json'],
  ])('%j is understood', (text, kind, address) => {
    expect(modelSource({ ...settings, modelSource: text })).toBeInstanceOf(kind)
    expect(located(text)).toBe(address)
  })

  test.each(['ftp://host/models', 's3://', 's3:///prefix'])('%j is refused', text => {
    expect(() => located(text)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})

describe('the list of models', () => {
  let cacheDir: string

  beforeEach(async () => {
    cacheDir = await mkdtemp(join(tmpdir(), 'models-'))
  })

  afterEach(async () => {
    await rm(cacheDir, { recursive: true })
  })

  test('says what the demo model is not for', async () => {
    const demo = (await listModels(MODELS, cacheDir)).find(({ name }) => name === 'demo')
    expect(demo?.note).toContain('understands rendered scenes, not photographs')
  })

  test('has one default precision a name', async () => {
    const models = await listModels(MODELS, cacheDir)
    for (const { name } of models) expect(models.filter(model => model.name === name && model.default)).toHaveLength(1)
  })

  test('tells which are here: every file, whole', async () => {
    const clip = resolveModel('clip-vit-b-32@int8') as HubModelSpec
    const present = async () =>
      (await listModels(MODELS, cacheDir)).filter(model => model.present).map(model => modelKey(model))
    expect(await present()).toEqual(['demo@fp32'])
    for (const { path, bytes } of clip.origin.files) {
      const target = join(modelFolder(clip, cacheDir), path)
      await mkdir(dirname(target), { recursive: true })
      await writeFile(target, '')
      await truncate(target, bytes)
    }
    expect(await present()).toEqual(['clip-vit-b-32@int8', 'demo@fp32'])
    const [int8] = await listModels(MODELS, cacheDir)
    expect(int8).toMatchObject({ precision: 'int8', bytes: 155_851_446, dimension: 512 })
  })
})

describe('the revision', () => {
  test('of a model from a hub is the pinned commit, and needs no file', async () => {
    expect(await identify(resolveModel('clip-vit-b-32@int8'), '/nowhere')).toEqual({
      name: 'clip-vit-b-32',
      precision: 'int8',
      revision: 'd15189d7028b43f1d3e65039190477f6af591c2a',
      dimension: 512,
      scoring: 'softmax',
      logitScale: 100,
      logitBias: 0,
    })
  })

  test('of a bundled model changes with any of its files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bundled-'))
    try {
      const demo = resolveModel('demo')
      const spec = { ...demo, origin: { kind: 'bundled', folder: 'x', files: ['a', 'b'] } } as const
      await writeFile(join(folder, 'a'), 'one')
      await writeFile(join(folder, 'b'), 'two')
      const before = (await identify(spec, folder)).revision
      expect(before).toMatch(/^[0-9a-f]{12}$/)
      expect((await identify(spec, folder)).revision).toBe(before)
      await writeFile(join(folder, 'b'), 'three')
      expect((await identify(spec, folder)).revision).not.toBe(before)
      await rm(join(folder, 'a'))
      await expect(identify(spec, folder)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
