import { modelKey } from '../domain/model.js'
import type { Encoder } from '../domain/ports/encoder.js'
import type { FilesProgress } from '../models/files.js'
import type { Context } from './context.js'
import { formatBytes } from './output.js'
import { Progress } from './progress.js'

/** Makes sure that the model's files are here, with progress on the terminal. @returns their folder */
export async function fetchModel({ app, signal }: Pick<Context, 'app' | 'signal'>): Promise<string> {
  const progress = new Progress(modelKey(app.modelSpec))
  try {
    return await app.ensureModel(signal, showing(progress, modelKey(app.modelSpec)))
  } finally {
    progress.end()
  }
}

/** The encoder of the settings, its files fetched with progress on the terminal. */
export async function openEncoder({ app, signal }: Context, towers: 'image' | 'text' | 'both'): Promise<Encoder> {
  const progress = new Progress(modelKey(app.modelSpec))
  try {
    return await app.encoder(towers, signal, showing(progress, modelKey(app.modelSpec)))
  } finally {
    progress.end()
  }
}

/** For a worker: an encoder of any model, in a thread; the worker closes it. Its files are fetched with progress on the terminal. */
export async function openEncoderOf({ app }: Pick<Context, 'app'>, key: string, signal: AbortSignal): Promise<Encoder> {
  const progress = new Progress(key)
  try {
    return await app.openEncoder(key, 'both', signal, showing(progress, key), 'thread')
  } finally {
    progress.end()
  }
}

function showing(progress: Progress, key: string): (state: FilesProgress) => void {
  return ({ phase, doneBytes, totalBytes, path, pid }) =>
    progress.write(
      phase === 'waiting'
        ? `${key}: process ${pid} is fetching it; waiting`
        : `${key}: ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)} fetched${path ? `, ${path}` : ''}`,
    )
}
