import { modelKey } from '../../domain/model.js'
import type { Encoder } from '../../domain/ports/encoder.js'
import { formatBytes } from '../../domain/text/format.js'
import type { FilesProgress } from '../../models/files/files.js'
import type { Context } from '../context.js'
import { Progress } from '../print/progress.js'

/** Fetches missing files of the model in the settings, with progress on the terminal. @returns their folder */
export function fetchModel({ app, signal }: Pick<Context, 'app' | 'signal'>): Promise<string> {
  const key = modelKey(app.models.spec)
  return withProgress(key, onProgress => app.models.ensureFiles(key, signal, onProgress))
}

/** Opens the shared encoder of a model. Fetches missing files, with progress on the terminal. */
export function openEncoder(
  { app, signal }: Pick<Context, 'app' | 'signal'>,
  key: string,
  towers: 'image' | 'text' | 'both',
): Promise<Encoder> {
  return withProgress(key, onProgress => app.models.encoder(key, towers, signal, onProgress))
}

/** Opens an encoder in its own thread, for a worker, which closes it. */
export function openEncoderOf({ app }: Pick<Context, 'app'>, key: string, signal: AbortSignal): Promise<Encoder> {
  return withProgress(key, onProgress => app.models.openEncoder(key, 'both', signal, onProgress, 'thread'))
}

async function withProgress<T>(
  key: string,
  work: (onProgress: (state: FilesProgress) => void) => Promise<T>,
): Promise<T> {
  const progress = new Progress(key)
  try {
    return await work(({ phase, doneBytes, totalBytes, path, pid }) =>
      progress.write(
        phase === 'making'
          ? `${key}: making it from the files in 32 bits, which takes up to a minute`
          : phase === 'waiting'
            ? `${key}: waiting for process ${pid}, which fetches or makes it`
            : `${key}: ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)} fetched${path ? `, ${path}` : ''}`,
      ),
    )
  } finally {
    progress.end()
  }
}
