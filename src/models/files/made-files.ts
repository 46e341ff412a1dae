import { join } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { modelKey } from '../../domain/model.js'
import { errorMessage } from '../../domain/text/error-text.js'
import { withFileLock } from '../../locks/file-lock.js'
import { makeFolder } from '../../make-folder.js'
import { identify } from '../catalog/identity.js'
import { isFromHub, type MadeModelSpec } from '../catalog/spec.js'
import { type MadeRecord, readMadeRecord } from './made-record.js'
import { statOrNothing, VerifiedFiles } from './verified-files.js'

export interface MakeOptions {
  /** Ensures the files in 32 bits. @returns their folder */
  readonly ensureSource: () => Promise<string>
  readonly onWait?: (pid: number) => void
  readonly onMake?: () => void
  readonly signal?: AbortSignal
}

/**
 * Ensures that the files of a made precision are present, complete, and made of the files in 32 bits that the model has
 * now. One process makes them, others wait for it.
 * @throws AppError MODEL_INVALID when the model cannot be made; see `ensureModelFiles` for those in 32 bits
 */
export async function ensureMadeFiles(spec: MadeModelSpec, folder: string, options: MakeOptions): Promise<void> {
  const { ensureSource, onMake, onWait, signal } = options
  // Digests of the hub are known without its files; those of a folder must be read.
  if (!isFromHub(spec.origin.from)) await ensureSource()
  const { revision } = await identify(spec, folder)
  if (await areMade(spec, revision, folder, signal)) return
  const source = await ensureSource()
  try {
    makeFolder(folder)
    await withFileLock(
      join(folder, '.lock'),
      async () => {
        // Another process may have made them while this one waited for the lock.
        if (await areMade(spec, revision, folder, signal)) return
        onMake?.()
        const { makeElsewhere } = await import('../quantise/make-elsewhere.js')
        const { files } = await makeElsewhere({ spec, revision, source, folder }, signal)
        const known = await VerifiedFiles.read(folder)
        for (const [path, file] of Object.entries(files)) await known.add({ path, ...file })
      },
      { signal, onWait },
    )
  } catch (error) {
    signal?.throwIfAborted()
    throw error instanceof AppError ? error : unusable(spec, folder, error)
  }
}

async function areMade(
  spec: MadeModelSpec,
  revision: string,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const record = await readMadeRecord(folder)
  if (record?.revision !== revision) return false
  for (const path of spec.origin.files) if (!(await isRight(path, record, folder, signal))) return false
  return true
}

/** The tokenizer is not made, so it is not in the record. */
async function isRight(
  path: string,
  { files }: MadeRecord,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const file = files[path]
  if (!file) return (await statOrNothing(join(folder, path))) !== undefined
  return (await (await VerifiedFiles.read(folder)).state({ path, ...file }, signal)) === 'verified'
}

function unusable(spec: MadeModelSpec, folder: string, cause: unknown): AppError {
  return new AppError(
    'MODEL_INVALID',
    `Expected to make ${modelKey(spec)} from ${modelKey(spec.origin.from)} in ${folder}, found ${errorMessage(cause)}. ` +
      'Check that the folder can be written and that its disk has space, or use another precision.',
    { cause },
  )
}
