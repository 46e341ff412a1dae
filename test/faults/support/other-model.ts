import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ENTRIES } from '../../../src/models/catalog/entries.js'
import { packageRoot } from '../../../src/package-root.js'
import { FLOAT, INT64, onnxModel } from '../../support/models/tiny-onnx.js'
import { copyPackage } from './package-copy.js'

const SIZE = 224
const DIMENSION = 128
/** A prime, so that the values picked lie all over the image. */
const STRIDE = 1171

/** Installs the package with other weights in its demo model: another revision, whose embeddings are 128 pixel values. */
export async function installOtherRevision(folder: string): Promise<void> {
  await copyPackage(folder)
  await writeVisionModel(join(folder, 'models/demo'))
}

/** Writes a model `pixels` into a folder for MODEL_FOLDERS: the demo model, but for what its image tower computes. */
export async function writeSecondModel(folder: string): Promise<void> {
  await cp(join(packageRoot(), 'models/demo'), folder, { recursive: true })
  await writeVisionModel(folder)
  const { entry } = ENTRIES.find(({ entry }) => entry.name === 'demo')!
  await writeFile(join(folder, 'model.json'), JSON.stringify({ ...entry, name: 'pixels' }))
}

async function writeVisionModel(folder: string): Promise<void> {
  const picked = Array.from({ length: DIMENSION }, (_, i) => i * STRIDE)
  const graph = {
    inputs: [{ name: 'pixel_values', type: FLOAT, shape: ['batch', 3, SIZE, SIZE] }],
    outputs: [{ name: 'image_embeds', type: FLOAT, shape: ['batch', DIMENSION] }],
    nodes: [
      { op: 'Flatten', inputs: ['pixel_values'], outputs: ['flat'], attributes: { axis: 1 } },
      { op: 'Gather', inputs: ['flat', 'picked'], outputs: ['image_embeds'], attributes: { axis: 1 } },
    ],
    constants: [{ name: 'picked', type: INT64, shape: [DIMENSION], values: picked } as const],
  }
  await writeFile(join(folder, 'onnx/vision_model.onnx'), onnxModel(graph))
}
