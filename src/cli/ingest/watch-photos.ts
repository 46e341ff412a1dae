import type { LabelSet } from '../../domain/labels.js'
import { SECOND } from '../../domain/units.js'
import type { Source } from '../../producers/input/source.js'
import { watchFolders } from '../../producers/watch/watch-folders.js'
import type { Context } from '../context.js'
import type { BadRowsFile } from './bad-rows-file.js'
import type { IngestOptions } from './ingest-options.js'
import { startRun, startWorkers } from './start-ingest.js'
import { WatchPrinter } from './watch-printer.js'

/** Seconds between looks at the whole folders. */
const RESCAN_S = 600

/**
 * `ingest --watch`: keeps the database like the folders until Ctrl-C. The workers of `processes` stay up all the time.
 * @returns exit code
 */
export async function watchPhotos(
  context: Context,
  source: Source,
  labelSets: readonly LabelSet[],
  options: IngestOptions,
  badRows: BadRowsFile,
): Promise<number> {
  const { signal } = context
  const { folders } = source
  const subject = { kind: 'input', source, selection: {}, onlyMissing: true } as const
  const { deps, run } = await startRun(context, subject, labelSets, options)
  const workers = options.processes > 0 ? startWorkers(context, options) : null
  const printer = new WatchPrinter(context, run.id, folders, options.badRowsFile)
  const { onProgress, onLooked, onWatching, onRemoved, onSettled, onRunProgress, onNote, onWait } = printer
  await watchFolders(deps, run, folders, {
    ...{ onProgress, onLooked, onWatching, onRemoved, onSettled, onRunProgress, onNote, onWait },
    onBadRow: badRows.write,
    isSure: options.yes ?? false,
    rescanMs: (options.rescan ?? RESCAN_S) * SECOND,
    workers,
    copies: context.app.storeLocation,
    signal,
  }).finally(() => printer.close())
  return 0
}
