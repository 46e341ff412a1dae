import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { removeModel } from '../../../src/models/adding/remove-model.js'
import { S3Repository } from '../../../src/models/adding/sources/s3-repository.js'
import { identify } from '../../../src/models/catalog/identity.js'
import { knownModels } from '../../../src/models/catalog/model-folders.js'
import { readModelsLock } from '../../../src/models/catalog/models-lock.js'
import { resolveModel } from '../../../src/models/catalog/registry.js'
import { ensureModelFiles } from '../../../src/models/files/files.js'
import { HubSource } from '../../../src/models/files/hub-source.js'
import { sha256 } from '../../support/models/model-hub.js'
import { startS3 } from '../../support/servers/s3.js'
import { LoopbackHub } from '../files/loopback-hub.js'
import {
  add,
  addClip,
  CLIP,
  clipFiles,
  emptyCache,
  failure,
  fromHub,
  hub,
  place,
  REPOSITORIES,
  signal,
  useClip,
  VISION,
} from './adding.js'

useClip()

describe('a lock file', () => {
  test('has the commit, the derived model.json and the digest of each file, and nothing else', async () => {
    const { revision } = await addClip()
    const lock = JSON.parse(await readFile(place.lock, 'utf8'))
    expect(lock.models.clip).toMatchObject({
      source: 'hf:lab/clip',
      revision,
      model: { dimension: 16, license: 'mit' },
    })
    for (const [path, { bytes, sha256: pinned }] of Object.entries<{ bytes: number; sha256: string }>(
      lock.models.clip.files,
    ))
      expect([bytes, pinned]).toEqual([clipFiles().get(path)!.length, sha256(clipFiles().get(path)!)])
    expect(Object.keys(lock.models.clip.files)).toEqual([
      'config.json',
      'onnx/text_model.onnx',
      VISION,
      'preprocessor_config.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
  })

  test('makes another machine fetch the same files, and gives both the same revision', async () => {
    await addClip()
    const here = resolveModel('clip', knownModels([], place.lock))
    const elsewhere = await emptyCache()
    const source = new HubSource(hub.endpoint)
    const folder = await ensureModelFiles(here, { cacheDir: elsewhere.cacheDir, source })
    expect(await readFile(join(folder, VISION))).toEqual(clipFiles().get(VISION))
    // The folder of a user with the same files and model.json is the same model.
    await writeFile(join(folder, 'model.json'), await readFile(join(place.cacheDir, 'clip', 'model.json')))
    const [own] = knownModels([folder]).filter(({ name }) => name === 'clip')
    expect((await identify(here, folder)).revision).toBe((await identify(own!, folder)).revision)
  })

  test('makes another machine refuse a file that has changed since, with what to do', async () => {
    await addClip()
    const changed = Buffer.from(clipFiles().get(VISION)!)
    changed[changed.length - 1]! ^= 1
    hub.tampered.set(VISION, changed)
    const { cacheDir } = await emptyCache()
    const error = await failure(
      ensureModelFiles(resolveModel('clip', knownModels([], place.lock)), {
        cacheDir,
        source: new HubSource(hub.endpoint),
      }),
    )
    expect(error.code).toBe('MODEL_DIGEST_MISMATCH')
    expect(error.message).toContain(
      `expected SHA-256 ${sha256(clipFiles().get(VISION)!)}, found SHA-256 ${sha256(changed)}`,
    )
    expect(error.message).toMatch(/models\.lock\.json .*models add … --update/)
  })

  test('makes `models add` refuse other bytes at the same commit, unless it is told to update', async () => {
    await addClip()
    await rm(join(place.cacheDir, 'clip'), { recursive: true })
    const config = Buffer.from(clipFiles().get('config.json')!.toString().replace('{', '{ '))
    const before = clipFiles().get('config.json')!
    clipFiles().set('config.json', config)
    const error = await failure(addClip())
    expect([error.code, error.message]).toEqual([
      'MODEL_DIGEST_MISMATCH',
      expect.stringContaining(
        `expected SHA-256 ${sha256(before)}, as models.lock.json pins it, found ${sha256(config)}`,
      ),
    ])
    await addClip({ update: true })
    const pinned = readModelsLock(place.lock)
      .get('clip')!
      .files.find(({ path }) => path === 'config.json')
    expect(pinned!.sha256).toBe(sha256(config))
  })

  test('keeps a revision until an update is asked for', async () => {
    const { revision } = await addClip()
    hub.publish(CLIP, join(REPOSITORIES, 'clip'), { commit: 'b'.repeat(40) })
    const error = await failure(addClip())
    expect([error.code, error.message]).toEqual([
      'USAGE',
      expect.stringContaining(`${revision}; hf:lab/clip is now at bbbb`),
    ])
    expect((await addClip({ update: true })).revision).toBe('b'.repeat(40))
  })

  test('takes another precision of the same revision beside the first', async () => {
    await addClip()
    const { entry } = await addClip({ precision: 'int8' })
    expect(entry.precisions).toEqual({
      int8: { vision: 'onnx/vision_model_quantized.onnx', text: 'onnx/text_model_quantized.onnx' },
    })
    const known = knownModels([], place.lock).filter(({ name }) => name === 'clip')
    expect(known.map(({ precision, isDefault }) => [precision, isDefault])).toEqual([
      ['fp32', true],
      ['int8-smooth', false],
      ['int8', false],
    ])
  })

  test('that somebody broke is refused with the field, what was expected and what was found', async () => {
    await addClip()
    const text = await readFile(place.lock, 'utf8')
    const digest = sha256(clipFiles().get(VISION)!)
    for (const [from, to, message] of [
      [
        digest,
        'x',
        /models\.clip\.files\.onnx\/vision_model\.onnx\.sha256: expected a SHA-256 in lower-case hex, found "x"/,
      ],
      [
        '"config.json"',
        '"../config.json"',
        /models\.clip\.files\.\.\.\/config\.json: expected a path without names that begin with a dot/,
      ],
      [
        '"dimension": 16',
        '"dimension": 0',
        /models\.clip\.model\.dimension: expected a whole number, 1 to 16000, found 0/,
      ],
      ['"version": 1', '"version": 2', /version: expected 1, found 2/],
    ] as const) {
      await writeFile(place.lock, text.replace(from, to))
      expect(() => knownModels([], place.lock)).toThrow(message)
    }
    // Adding reads it too.
    expect((await failure(addClip())).message).toMatch(/or move it away and add its models again/)
  })
})

describe('fetching', () => {
  test('reads a list in pages whose links name another host', async () => {
    hub.pageSize = 3
    await addClip()
    expect(hub.requests.filter(({ path }) => path.includes('/tree/')).length).toBeGreaterThan(2)
  })

  test('goes on where a broken connection stopped', async () => {
    hub.cuts.push(1000)
    await addClip({ onProgress: (_, bytes) => hub.arrived(bytes) })
    expect(hub.contentRequests.map(({ range }) => range)).toContain('bytes=1000-')
  })

  test('refuses bytes that are not those of the list', async () => {
    const wrong = Buffer.alloc(clipFiles().get(VISION)!.length)
    hub.tampered.set(VISION, wrong)
    const error = await failure(addClip())
    expect([error.code, error.message]).toEqual([
      'MODEL_DIGEST_MISMATCH',
      expect.stringContaining(`expected SHA-256 ${sha256(clipFiles().get(VISION)!)}, found SHA-256 ${sha256(wrong)}`),
    ])
    expect(existsSync(join(place.cacheDir, 'clip', VISION))).toBe(false)
    expect(existsSync(place.lock)).toBe(false)
  })

  test('sends the token to the hub and never to the content network', async () => {
    const token = 'hf_abcdefghijklmnopqrstuvwxyz'
    hub.publish(CLIP, join(REPOSITORIES, 'clip'), { token })
    const refused = await failure(addClip())
    expect([refused.code, refused.message]).toEqual(['MODEL_DOWNLOAD_FAILED', expect.stringContaining('set HF_TOKEN')])
    const wrong = await failure(addClip({ repository: fromHub(CLIP, 'main', 'hf_another_token_1234567890') }))
    expect(wrong.message).toContain('the token in HF_TOKEN may not read')
    expect(wrong.message).not.toContain('hf_another')
    await addClip({ repository: fromHub(CLIP, 'main', token) })
    expect(hub.requests.at(-1)!.authorization).toBe(`Bearer ${token}`)
    expect(hub.contentRequests.length).toBeGreaterThan(1)
    expect(hub.contentRequests.filter(({ authorization }) => authorization !== undefined)).toEqual([])
    expect(await readFile(place.lock, 'utf8')).not.toContain(token)
    expect(() => new HubSource('http://mirror.example', { token })).toThrow(/expected an https address/)
  })

  test('follows no redirect of a public hub to a private address', async () => {
    const redirecting = await LoopbackHub.start()
    redirecting.troubles.push({ redirectTo: 'http://127.0.0.2:1/metadata' })
    try {
      const source = new HubSource(redirecting.endpoint, { isPublic: ip => ip === '127.0.0.1' })
      await expect(source.get(`${redirecting.endpoint}/file`, 0)).rejects.toThrow(
        'a redirect to 127.0.0.2, which is not a public address',
      )
    } finally {
      await redirecting.close()
    }
  })

  test('takes no more than the most that was allowed, and no path out of its folder', async () => {
    const error = await failure(addClip({ maxBytes: 50_000 }))
    expect([error.code, error.message]).toEqual(['MODEL_INVALID', expect.stringContaining('--max-size')])
    for (const path of ['../outside.json', '/absolute.json', '.verified.json', 'a\\b.json', 'onnx/../../x.onnx'])
      clipFiles().set(path, Buffer.from('{}'))
    await addClip()
    expect((await readdir(place.cacheDir)).sort()).toEqual(['clip', 'models.lock.json'])
  })

  test('overwrites no file of the user, and copies no model out of its own folder', async () => {
    const folder = join(place.cacheDir, 'clip')
    await mkdir(folder)
    await writeFile(join(folder, 'config.json'), 'mine')
    expect((await failure(addClip())).code).toBe('TARGET_NOT_EMPTY')
    expect(await readFile(join(folder, 'config.json'), 'utf8')).toBe('mine')
    expect((await addClip({ name: 'other' })).folder).toBe(join(place.cacheDir, 'other'))
  })
})

describe('what cannot be derived is named, with what to do', () => {
  const remove = (wanted: RegExp) => {
    for (const path of clipFiles().keys()) if (wanted.test(path)) clipFiles().delete(path)
  }
  const change = (path: string, edit: (json: Record<string, unknown>) => object) =>
    clipFiles().set(path, Buffer.from(JSON.stringify(edit(JSON.parse(clipFiles().get(path)!.toString())))))

  test.each([
    [
      'no ONNX file',
      () => remove(/\.onnx$/),
      /found no ONNX file, only weights of PyTorch, .*optimum-cli export onnx/s,
    ],
    ['no text tower', () => remove(/text_model/), /config\.json describes a text tower.*--images-only/s],
    [
      'no tokenizer',
      () => clipFiles().delete('tokenizer.json'),
      /found no tokenizer\.json\. Python makes both: .*--images-only/,
    ],
    [
      'no preprocessing',
      () => clipFiles().delete('preprocessor_config.json'),
      /input, mean, std: there is no preprocessor_config\.json.*--fields FILE/s,
    ],
    [
      'another kernel',
      () => change('preprocessor_config.json', json => ({ ...json, resample: 1 })),
      /resample is 1; known are 2 \(bilinear\) and 3 \(bicubic\)/,
    ],
    [
      'no kernel, of a processor whose default is not known',
      () =>
        change('preprocessor_config.json', ({ resample: _, ...json }) => ({ ...json, image_processor_type: 'Own' })),
      /resample is absent; known are 2/,
    ],
    [
      'a kernel by name',
      () => change('preprocessor_config.json', json => ({ ...json, resample: 'bilinear' })),
      /resample is "bilinear"; known are 2/,
    ],
    [
      'an empty file',
      () => clipFiles().set('preprocessor_config.json', Buffer.alloc(0)),
      /preprocessor_config\.json of hf:lab\/clip: expected JSON, found Unexpected end/,
    ],
    [
      'a file without an object',
      () => clipFiles().set('preprocessor_config.json', Buffer.from('null')),
      /expected a JSON object, found null/,
    ],
    [
      'a file that is no ONNX',
      () => clipFiles().set(VISION, Buffer.from('<html>not found</html>')),
      /onnx\/vision_model\.onnx of hf:lab\/clip: expected an ONNX model/,
    ],
    [
      'broken JSON',
      () => clipFiles().set('config.json', Buffer.from('{')),
      /config\.json of hf:lab\/clip: expected JSON/,
    ],
  ] as const)('%s', async (_, edit, message) => {
    edit()
    const error = await failure(addClip())
    expect(error.code).toBe('MODEL_INVALID')
    expect(error.message).toMatch(message)
    expect(existsSync(place.lock)).toBe(false)
  })

  test('fields that the user states count before derived ones', async () => {
    clipFiles().delete('preprocessor_config.json')
    const input = { size: 32, fit: 'squash', cropShare: 1, kernel: 'bilinear' }
    const stated = { input, mean: [0, 0, 0], std: [1, 1, 1], title: 'Ours' }
    expect((await addClip({ fields: stated })).entry).toMatchObject(stated)
  })

  test.each([
    ['CLIPImageProcessor', 'bicubic'],
    ['ViTImageProcessor', 'bilinear'],
  ])('a %s whose file states no kernel takes the one of its library', async (type, kernel) => {
    change('preprocessor_config.json', ({ resample: _, ...json }) => ({ ...json, image_processor_type: type }))
    expect((await addClip()).entry.input).toMatchObject({ kernel })
  })

  test('a precision is found by the names of transformers.js', async () => {
    for (const tower of ['vision', 'text']) {
      const quantised = clipFiles().get(`onnx/${tower}_model_quantized.onnx`)!
      clipFiles().delete(`onnx/${tower}_model_quantized.onnx`)
      clipFiles().set(`onnx/${tower}_model_uint8.onnx`, quantised)
    }
    expect((await addClip({ precision: 'uint8' })).entry.precisions).toEqual({
      uint8: { vision: 'onnx/vision_model_uint8.onnx', text: 'onnx/text_model_uint8.onnx' },
    })
  })

  test('weights in a file outside of the folder', async () => {
    hub.publish('lab/jina', join(REPOSITORIES, 'jina-clip'))
    const { files: jina } = hub.repositories.get('lab/jina')!
    const graph = jina.get('onnx/model.onnx')!.toString('latin1').replaceAll('model.onnx_data', '../../../passwd')
    jina.set('onnx/model.onnx', Buffer.from(graph, 'latin1'))
    const error = await failure(add({ repository: fromHub('lab/jina'), ...place }))
    expect([error.code, error.message]).toEqual(['MODEL_INVALID', expect.stringContaining('found "../../../passwd"')])
  })

  test('a repository and a revision that are not there', async () => {
    expect((await failure(add({ repository: fromHub('lab/nothing'), ...place }))).message).toContain(
      'private, gated or absent',
    )
    const error = await failure(add({ repository: fromHub(CLIP, 'v2'), ...place }))
    expect([error.code, error.message]).toEqual(['MODEL_NOT_FOUND', expect.stringContaining('at revision v2')])
  })
})

test('a model is added from a bucket, and another machine fetches its files from there', async () => {
  const server = await startS3('models')
  for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value)
  try {
    const store = server.store('exports/clip')
    for (const [path, bytes] of clipFiles()) await store.put(path, bytes, 'application/octet-stream')
    await store.close()
    const options = { bucket: server.bucket, prefix: 'exports/clip', endpoint: server.endpoint, region: 'us-east-1' }
    const source = `s3://${server.bucket}/exports/clip`
    const repository = new S3Repository(source, { ...options, forcePathStyle: true })
    const { entry } = await add({ repository, ...place })
    expect([entry.name, entry.dimension, readModelsLock(place.lock).get('clip')!.source]).toEqual(['clip', 16, source])
    const { cacheDir } = await emptyCache()
    const spec = resolveModel('clip', knownModels([], place.lock))
    const folder = await ensureModelFiles(spec, { cacheDir, source: repository.files })
    expect(await readFile(join(folder, VISION))).toEqual(clipFiles().get(VISION))
  } finally {
    vi.unstubAllEnvs()
    await server.close()
  }
})

test('the scale of labels comes from the weights that were exported, in this repository or the one that it was made of', async () => {
  const weights = clipFiles().get('model.safetensors')!
  clipFiles().delete('model.safetensors')
  const without = await addClip()
  expect([without.entry.logitScale, without.doubts[0]]).toEqual([
    100,
    expect.stringContaining('the scale of label scores'),
  ])
  hub.repositories.set('lab/original', { commit: 'c'.repeat(40), files: new Map([['model.safetensors', weights]]) })
  hub.publish('lab/made', join(REPOSITORIES, 'clip'), { base: 'lab/original' }).files.delete('model.safetensors')
  hub.contentRequests.length = 0
  const made = await add({ repository: fromHub('lab/made'), ...place })
  expect([made.entry.logitScale, made.doubts]).toEqual([99.484306, []])
  // The header and single numbers.
  expect(hub.contentRequests.filter(({ path }) => path.endsWith('.safetensors')).length).toBeLessThanOrEqual(4)
})

test('a model is removed with the files that were fetched or made, and no other', async () => {
  const { folder } = await addClip()
  await writeFile(join(folder, 'notes.txt'), 'mine')
  const removed = await removeModel('clip', { ...place, signal })
  expect(removed).toMatchObject({ name: 'clip', files: 6, left: ['notes.txt'] })
  expect(knownModels([], place.lock).some(({ name }) => name === 'clip')).toBe(false)
  expect((await failure(removeModel('clip', { ...place, signal }))).code).toBe('MODEL_UNKNOWN')
})
