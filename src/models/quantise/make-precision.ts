import { createHash } from 'node:crypto'
import { copyFile, mkdir, open, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { EVERYDAY_PROMPTS } from '../../domain/indexes/everyday-prompts.js'
import { modelKey } from '../../domain/model.js'
import { sourceTowers, TOKENIZER } from '../catalog/made.js'
import type { MadeModelSpec } from '../catalog/spec.js'
import { type Cosines, MADE_RECORD, type MadeRecord } from '../files/made-record.js'
import { openSession } from '../runtime/session.js'
import { calibrationPictures } from './calibration-pictures.js'
import { type Calibrated, calibrate, cosinesOf, smoothFile } from './make-tower.js'
import { type Inputs, runTowers } from './run-towers.js'

/** A made precision to make. */
export interface MakeTask {
  readonly spec: MadeModelSpec
  readonly revision: string
  /** Of the files in 32 bits. */
  readonly source: string
  /** Of the files to make. */
  readonly folder: string
}

/** One of eight prompts, so that all kinds of searches are among them. */
const PROMPTS_APART = 8
/** Below this median the recipe does not suit the model: even the harshest stress checkpoint comes to 0.999. */
const LEAST_COSINE = 0.9

/**
 * Makes the files of a precision in 8 bits from those in 32: calibrates, writes each file, checks that its embeddings
 * are near those in 32 bits, and puts it in place. Runs the model on the calling thread.
 * @throws AppError MODEL_INVALID when the recipe does not suit the model; the system's error of a failed write
 */
export async function makePrecision(task: MakeTask): Promise<MadeRecord> {
  const { spec, source, folder } = task
  const { from } = spec.origin
  const { mean, std } = spec
  const pixels = { size: spec.input.size, mean, std }
  const inputs: Inputs = {
    pictures: calibrationPictures(spec.input.size),
    texts: EVERYDAY_PROMPTS.filter((_, index) => index % PROMPTS_APART === 0),
  }
  await mkdir(join(folder, '.partial'), { recursive: true })
  await mkdir(join(folder, dirname(spec.visionFile)), { recursive: true })
  if (source !== folder) for (const file of TOKENIZER) await copyFile(join(source, file), join(folder, file))
  const files: Record<string, MadeRecord['files'][string]> = {}
  let cosine = {} as MadeRecord['cosine']
  for (const file of sourceTowers(spec)) {
    const target = file === from.visionFile ? spec.visionFile : spec.textFile!
    const calibrated = await calibrate(from, source, file, inputs)
    const partial = join('.partial', basename(target))
    const notes = { recipe: task.revision, model: modelKey(spec) }
    files[target] = await write(join(folder, partial), smoothFile(join(source, file), calibrated, pixels, notes))
    cosine = { ...cosine, ...(await check(task, partial, target, inputs, calibrated)) }
    await rename(join(folder, partial), join(folder, target))
  }
  const record = { revision: task.revision, files, cosine }
  await write(join(folder, '.partial', MADE_RECORD), [Buffer.from(`${JSON.stringify(record, null, 2)}\n`)])
  await rename(join(folder, '.partial', MADE_RECORD), join(folder, MADE_RECORD))
  return record
}

/** Writes a file through to the disk. */
async function write(path: string, parts: readonly Uint8Array[]): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  const file = await open(path, 'w')
  try {
    for (const part of parts) {
      hash.update(part)
      bytes += part.length
      await file.writeFile(part)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** Compares a file that was just made with that in 32 bits. @throws AppError MODEL_INVALID */
async function check(
  { spec, folder }: MakeTask,
  partial: string,
  target: string,
  inputs: Inputs,
  { outputs }: Calibrated,
): Promise<Partial<MadeRecord['cosine']>> {
  const { input, mean, std } = spec
  const options = { threads: 0, provider: 'cpu' } as const
  const session = await openSession(join(folder, partial), options, { size: input.size, mean, std })
  try {
    const found = await runTowers({ spec, folder, file: target, session }, inputs)
    const cosine: { pictures?: Cosines; texts?: Cosines } = {}
    for (const kind of ['pictures', 'texts'] as const)
      if (found[kind]) cosine[kind] = expectNear(spec, kind, found[kind], outputs[kind]!)
    return cosine
  } finally {
    await session.release()
  }
}

function expectNear(
  spec: MadeModelSpec,
  kind: 'pictures' | 'texts',
  found: readonly Float32Array[],
  wanted: readonly Float32Array[],
): Cosines {
  const cosines = cosinesOf(found, wanted)
  if (cosines.median >= LEAST_COSINE) return cosines
  throw new AppError(
    'MODEL_INVALID',
    `${modelKey(spec)}: expected embeddings of ${kind} near those of ${modelKey(spec.origin.from)}, with a median cosine of at least ${LEAST_COSINE}, found ${cosines.median.toFixed(4)}. This way of rounding does not suit the model: use another precision.`,
  )
}
