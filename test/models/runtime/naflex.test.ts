import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { knownModels } from '../../../src/models/catalog/model-folders.js'
import { resolveModel } from '../../../src/models/catalog/registry.js'
import { openOnnxEncoder } from '../../../src/models/runtime/onnx-encoder.js'

test('SigLIP 2 NaFlex is refused with the reason: it takes patches of pictures of any shape', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'naflex-'))
  try {
    await cp(join(import.meta.dirname, '..', 'exported', 'siglip2'), folder, { recursive: true })
    const entry = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'))
    entry.precisions.fp32.vision = 'vision_model_naflex.onnx'
    await writeFile(join(folder, 'model.json'), JSON.stringify(entry))
    const spec = resolveModel('siglip2@fp32', knownModels([folder]))
    await expect(openOnnxEncoder(spec, folder, { threads: 1, towers: 'image' })).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringMatching(
        /expected pixels \[\?, 3, 32, 32\], found inputs pixel_values .* as SigLIP 2 NaFlex has them, which is not supported/,
      ),
    })
  } finally {
    await rm(folder, { recursive: true })
  }
})
