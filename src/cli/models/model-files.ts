import { modelKey } from '../../domain/model.js'
import type { Encoder } from '../../domain/ports/encoder.js'
import { formatBytes } from '../../domain/text/format.js'
import { isFromHub, isMade, type MadeModelSpec, MODELS, type ModelSpec } from '../../models/catalog/registry.js'
import type { FilesProgress } from '../../models/files/files.js'
import type { Context } from '../context.js'
import { Progress } from '../print/progress.js'

/** Fetches missing files of the model in the settings, with progress on the terminal. @returns their folder */
export function fetchModel({ app, signal }: Pick<Context, 'app' | 'signal'>): Promise<string> {
  const { spec } = app.models
  const key = modelKey(spec)
  return withProgress(spec, onProgress => app.models.ensureFiles(key, signal, onProgress))
}

/** Opens the shared encoder of a model. Fetches missing files, with progress on the terminal. */
export function openEncoder(
  { app, signal }: Pick<Context, 'app' | 'signal'>,
  key: string,
  towers: 'image' | 'text' | 'both',
): Promise<Encoder> {
  return withProgress(app.models.resolve(key), onProgress => app.models.encoder(key, towers, signal, onProgress))
}

/** Opens an encoder in its own thread, for a worker, which closes it. */
export function openEncoderOf({ app }: Pick<Context, 'app'>, key: string, signal: AbortSignal): Promise<Encoder> {
  return withProgress(app.models.resolve(key), onProgress =>
    app.models.openEncoder(key, 'both', signal, onProgress, 'thread'),
  )
}

async function withProgress<T>(
  spec: ModelSpec,
  work: (onProgress: (state: FilesProgress) => void) => Promise<T>,
): Promise<T> {
  const key = modelKey(spec)
  const progress = new Progress(key)
  let isSaid = false
  try {
    return await work(({ phase, doneBytes, totalBytes, path, pid }) => {
      if (phase === 'downloading' && !isSaid && isMade(spec) && process.stderr.isTTY) {
        progress.interrupt(`${whatIsFetched(spec, totalBytes)}\n`)
        isSaid = true
      }
      progress.write(
        phase === 'making'
          ? `${key}: making it from the files in 32 bits, which takes up to a minute`
          : phase === 'waiting'
            ? `${key}: waiting for process ${pid}, which fetches or makes it`
            : `${key}: ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)} fetched${path ? `, ${path}` : ''}`,
      )
    })
  } finally {
    progress.end()
  }
}

/** What the first use of a made model fetches, and how to fetch less. */
function whatIsFetched({ name, precision, isDefault, origin }: MadeModelSpec, totalBytes: number): string {
  const smaller = MODELS.filter(isFromHub).find(spec => spec.name === name && spec.precision === 'int8')
  const bytes = smaller?.origin.files.reduce((sum, file) => sum + file.bytes, 0)
  const choice =
    isDefault && smaller && bytes !== undefined && bytes < totalBytes
      ? ` ${modelKey(smaller)} is ${formatBytes(bytes)} to fetch, and less accurate: choose it with --model or MODEL before the first photo is embedded.`
      : ''
  return `${name}@${precision}: fetching ${formatBytes(totalBytes)} of ${modelKey(origin.from)} once, and making it from them.${choice}`
}
