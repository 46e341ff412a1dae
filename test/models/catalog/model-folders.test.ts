import { cp, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { modelKey } from '../../../src/domain/model.js'
import { identify } from '../../../src/models/catalog/identity.js'
import { listModels } from '../../../src/models/catalog/list-models.js'
import { knownModels } from '../../../src/models/catalog/model-folders.js'
import { MODELS, resolveModel } from '../../../src/models/catalog/registry.js'
import { ensureModelFiles, modelFolder } from '../../../src/models/files/files.js'
import { FolderSource } from '../../../src/models/files/folder-source.js'
import { writeMiniature } from '../../support/models/miniatures.js'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'model-folder-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

/** Changes a field of the folder's model.json: `a.b` is b of a, undefined leaves it out. */
async function change(path: string, value: unknown): Promise<void> {
  const file = join(folder, 'model.json')
  const json = JSON.parse(await readFile(file, 'utf8'))
  const keys = path.split('.')
  const holder = keys.slice(0, -1).reduce((object, key) => object[key], json)
  holder[keys.at(-1)!] = value
  await writeFile(file, JSON.stringify(json))
}

describe('a folder with a model.json', () => {
  beforeEach(async () => {
    await writeMiniature('clip-fp32', folder)
  })

  test('is a model beside the others, with its own name, from its own folder', async () => {
    const models = knownModels([folder])
    expect(models.slice(0, MODELS.length)).toEqual(MODELS)
    const spec = resolveModel('mini-clip-fp32', models)
    expect(spec).toMatchObject({ precision: 'fp32', isDefault: true, dimension: 24, text: { contextLength: 77 } })
    expect(modelFolder(spec, '/cache')).toBe(folder)
    const listed = (await listModels(models, '/cache')).find(({ name }) => name === spec.name)
    expect(listed).toMatchObject({ present: true, folder, default: true })
    expect(listed!.bytes).toBeGreaterThan(1000)
  })

  test('may look as the documentation shows it', async () => {
    const [, example] = /```json\n(.*?)```/s.exec(await readFile('docs/reference/model-files.md', 'utf8'))!
    await writeFile(join(folder, 'model.json'), example!)
    expect(knownModels([folder]).slice(MODELS.length).map(modelKey)).toEqual([
      'my-clip@fp32',
      'my-clip@int8-smooth',
      'my-clip@int8',
    ])
  })

  test('needs no title and no license', async () => {
    await change('title', undefined)
    await change('license', undefined)
    expect(knownModels([folder]).at(-1)).toMatchObject({ title: 'mini-clip-fp32', license: 'not stated' })
  })

  test.each([
    ['dimension', 0, 'dimension: expected a whole number, 1 to 16000, found 0'],
    ['dimension', undefined, 'dimension: expected a whole number, 1 to 16000, found nothing'],
    ['name', 'My model', 'name: expected small letters, digits, "-", "_" and ".", found "My model"'],
    ['input.size', '224', 'input.size: expected a whole number, 1 to 2048, found "224"'],
    ['input.fit', 'fill', 'input.fit: expected "crop" or "squash", found "fill"'],
    ['input.cropShare', 1.5, 'input.cropShare: expected a number above 0, at most 1, found 1.5'],
    ['input.kernel', undefined, 'input.kernel: expected "bicubic" or "bilinear", found nothing'],
    ['input', [], 'input: expected an object, found []'],
    ['mean', [0.5, 0.5], 'mean: expected three numbers from 0 to 1, for red, green and blue, found [0.5,0.5]'],
    ['std', [0.5, 0, 0.5], 'std: expected three numbers above 0, for red, green and blue, found [0.5,0,0.5]'],
    ['text', { contextLength: 1 }, 'text.contextLength: expected a whole number, 2 to 4096, found 1'],
    ['text.padId', -1, 'text.padId: expected a whole number, 0 to 2147483647, found -1'],
    ['text.lowerCase', 1, 'text.lowerCase: expected true or false, found 1'],
    ['text.clean', 'ftfy', 'text.clean: expected "openai", found "ftfy"'],
    ['scoring', 'Softmax', 'scoring: expected "softmax" or "sigmoid", found "Softmax"'],
    ['logitScale', -1, 'logitScale: expected a number above 0'],
    ['logitBias', null, 'logitBias: expected a number, from -1000000 to 1000000, found null'],
    ['defaultPrecision', 'int8', 'defaultPrecision: expected one of the precisions fp32, found int8'],
    ['precisions', {}, 'precisions: expected at least one, such as "fp32", found none'],
    ['precisions.fp32.vision', '../x.onnx', 'precisions.fp32.vision: expected a path inside the folder'],
    ['precisions.fp32.vision', '/x.onnx', 'precisions.fp32.vision: expected a path inside the folder'],
    ['precisions.fp32.text', undefined, 'precisions.fp32.text: expected the file of the text tower'],
    ['text', undefined, 'precisions.fp32.text: expected nothing, because the model has no field text'],
    ['precisions.FP', { vision: 'x' }, 'precisions.FP: expected small letters'],
    ['colour', 1, 'the file: expected no fields but name, title, license,'],
  ])(
    'whose %s is %j is refused, and the message names the file, the field, what is expected and found',
    async (path, value, message) => {
      await change(path, value)
      expect(() => knownModels([folder])).toThrow(
        expect.objectContaining({
          code: 'MODEL_INVALID',
          message: expect.stringContaining(`${join(folder, 'model.json')}: ${message}`),
        }),
      )
    },
  )

  test('names all its faults at once', async () => {
    await change('dimension', 0)
    await change('scoring', 1)
    expect(() => knownModels([folder])).toThrow(/dimension: .*\n.*scoring: /)
  })

  test('that is no JSON, or is not there, is refused', async () => {
    await writeFile(join(folder, 'model.json'), '{')
    expect(() => knownModels([folder])).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    expect(() => knownModels([join(folder, 'onnx')])).toThrow(
      /MODEL_FOLDERS: .*onnx\/model\.json: expected a JSON object/,
    )
  })

  test('cannot take the name of another model', async () => {
    expect(() => knownModels([folder, folder])).toThrow(/a unique name, found name "mini-clip-fp32"/)
    await change('name', 'clip-vit-b-32')
    expect(() => knownModels([folder])).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})

describe('the files of a model that is not fetched', () => {
  test('are taken from the folder that is named for it; its other precisions are untouched', async () => {
    const models = knownModels([`clip-vit-b-32=${folder}`])
    expect(modelFolder(resolveModel('clip-vit-b-32@fp16', models), '/cache')).toBe(folder)
    expect(modelFolder(resolveModel('clip-vit-b-32', models), '/cache')).toBe('/cache/clip-vit-b-32')
    expect(models.map(modelKey)).toEqual(MODELS.map(modelKey))
  })

  test('must be there: the message says which the model needs', async () => {
    const spec = resolveModel('siglip-b-16-224@q4', knownModels([`siglip-b-16-224=${folder}`]))
    const missing = {
      code: 'MODEL_NOT_FOUND',
      message: expect.stringMatching(
        /tokenizer_config\.json, found nothing there.*needs .*onnx\/vision_model_q4\.onnx/,
      ),
    }
    await expect(identify(spec, folder)).rejects.toMatchObject(missing)
    const options = { cacheDir: '/cache', source: new FolderSource('/nowhere') }
    await expect(ensureModelFiles(spec, options)).rejects.toMatchObject(missing)
    expect((await listModels([spec], '/cache'))[0]).toMatchObject({ present: false, folder })
  })

  test.each(['demo', 'nothing'])('cannot be named for %s', name => {
    expect(() => knownModels([`${name}=${folder}`])).toThrow(
      /expected name=folder with one of clip-vit-b-32, clip-vit-l-14, siglip-b-16-224, efficientnet-b0/,
    )
  })
})

describe('the revision of a model in a folder', () => {
  const revision = async () => {
    const spec = resolveModel('mini-siglip', knownModels([folder]))
    return (await identify(spec, folder)).revision
  }

  beforeEach(async () => {
    await writeMiniature('siglip', folder)
  })

  test('is that of its files and data, wherever the folder is', async () => {
    const before = await revision()
    expect(before).toMatch(/^[0-9a-f]{12}$/)
    const copy = `${folder}-copy`
    await cp(folder, copy, { recursive: true })
    try {
      expect((await identify(resolveModel('mini-siglip', knownModels([copy])), copy)).revision).toBe(before)
    } finally {
      await rm(copy, { recursive: true })
    }
  })

  test('changes with its files and with what embeddings and scores depend on, not with its title', async () => {
    const seen = [await revision()]
    await change('title', 'Another title')
    expect(await revision()).toBe(seen[0])
    const changes = [
      ['input.kernel', 'bilinear'],
      ['input.cropShare', 0.9],
      ['mean', [0.5, 0.5, 0.4]],
      ['text.padId', 2],
      ['text.lowerCase', false],
      ['text.dropPunctuation', false],
      ['logitBias', -13],
    ] as const
    for (const [path, value] of changes) {
      await change(path, value)
      seen.push(await revision())
    }
    await writeFile(join(folder, 'tokenizer_config.json'), '{ }')
    seen.push(await revision())
    expect(new Set(seen).size).toBe(seen.length)
  })

  test('is found without reading files again whose size and time are as they were', async () => {
    const path = join(folder, 'onnx/vision_model.onnx')
    const time = new Date('2026-01-01')
    await utimes(path, time, time)
    const before = await revision()
    await writeFile(path, (await readFile(path)).fill(0))
    await utimes(path, time, time)
    expect(await revision()).toBe(before)
    await utimes(path, time, new Date())
    expect(await revision()).not.toBe(before)
  })
})

describe('a file that two precisions name', () => {
  beforeEach(async () => {
    await writeMiniature('clip-int8', folder)
    const { precisions } = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'))
    await change('precisions.fp32', precisions.int8)
  })

  const identityOf = (reference: string) => {
    const spec = resolveModel(reference, knownModels([folder]))
    return identify(spec, folder)
  }

  test('is accepted for its own precision, and refused for the other one, every time', async () => {
    const refused = {
      code: 'MODEL_INVALID',
      message: expect.stringContaining('expected weights in fp32, as in its entry, found int8'),
    }
    await expect(identityOf('mini-clip-int8@int8')).resolves.toMatchObject({ precision: 'int8' })
    await expect(identityOf('mini-clip-int8@fp32')).rejects.toMatchObject(refused)
    await expect(identityOf('mini-clip-int8@fp32')).rejects.toMatchObject(refused)
  })

  test('is refused for the other one, too, when a digest was stored without a precision', async () => {
    await identityOf('mini-clip-int8@int8')
    const marker = join(folder, '.verified.json')
    const entries = Object.entries<object>(JSON.parse(await readFile(marker, 'utf8')))
    const digests = entries.map(([path, entry]) => [path, { ...entry, precision: undefined }])
    await writeFile(marker, JSON.stringify(Object.fromEntries(digests)))
    await expect(identityOf('mini-clip-int8@fp32')).rejects.toMatchObject({ code: 'MODEL_INVALID' })
  })
})
