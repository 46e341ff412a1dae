import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type ModelSpec, resolveModel } from '../../../src/models/catalog/registry.js'
import { publishedFor } from '../../../src/models/check/published.js'
import { CLIP_VIT_B_32_VECTORS } from '../../../src/models/check/published-clip-vit-b-32.js'
import { hasReference, REFERENCE } from '../../support/servers/requirements.js'

describe('published vectors', () => {
  const clip = resolveModel('clip-vit-b-32')
  const inFolder = (changes: Partial<ModelSpec>) =>
    ({ ...clip, name: 'mine', origin: { kind: 'folder', folder: '/mine', files: [] }, ...changes }) as ModelSpec

  test.each(['clip-vit-b-32', 'clip-vit-b-32@fp32'])('are what %s says it gives', reference => {
    expect(publishedFor(resolveModel(reference))).toEqual({ vectors: CLIP_VIT_B_32_VECTORS, claimed: true })
  })

  test('are held against a user’s model of the same width, which does not say so', () => {
    expect(publishedFor(inFolder({}))).toEqual({ vectors: CLIP_VIT_B_32_VECTORS, claimed: false })
  })

  test('are not there for models of another width, or without texts', () => {
    expect(publishedFor(resolveModel('demo'))).toBeUndefined()
    expect(publishedFor(inFolder({ dimension: 768 }))).toBeUndefined()
    expect(publishedFor(inFolder({ text: undefined }))).toBeUndefined()
  })
})

describe.skipIf(!hasReference())('the tools', () => {
  const runTool = (name: string, ...args: string[]) =>
    promisify(execFile)(process.execPath, ['--import', 'tsx', resolve(`tools/published/${name}.ts`), ...args])
  const tokenizer = join(REFERENCE, 'tokenizer')

  test('derive the digests from the vectors again', async () => {
    const vectors = join(REFERENCE, 'clip-text/clip-vit-b-32-text.npy')
    const { stdout } = await runTool('derive', vectors, vectors.replace('.npy', '.prompts.txt'), tokenizer)
    expect(JSON.parse(stdout.slice(stdout.indexOf('= ') + 2))).toEqual(CLIP_VIT_B_32_VECTORS)
  })

  test('count the texts whose tokens are CLIP’s', async () => {
    const { stdout } = await runTool('tokens', tokenizer, join(tokenizer, 'golden.json'))
    expect(stdout).toBe('726 of 726 token sequences are those of the reference\n')
  })

  test('show the texts whose tokens are others', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tokens-'))
    try {
      await writeFile(join(folder, 'golden.json'), JSON.stringify([{ text: 'a dog', ids: [49406, 320, 1, 49407] }]))
      await expect(runTool('tokens', tokenizer, join(folder, 'golden.json'))).rejects.toMatchObject({
        code: 1,
        stdout:
          '"a dog": expected 49406 320 1 49407, found 49406 320 1929 49407\n0 of 1 token sequences are those of the reference\n',
      })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
