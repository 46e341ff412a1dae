import type { LabelSet } from '../../domain/labels.js'
import { modelKey } from '../../domain/model.js'
import type { VectorImport } from '../../domain/ports/vectors/import-repository.js'
import { formatCount, formatQuantity } from '../../domain/text/format.js'
import { hasTextTower, knowsNoWords } from '../../domain/text-tower.js'
import { importDigest } from '../../imports/import-digest.js'
import { type ImportOptions, type ImportSummary, importVectors } from '../../imports/import-vectors.js'
import { openVectors } from '../../imports/open-vectors.js'
import type { VectorInputOptions, VectorSource } from '../../imports/vector-source.js'
import { type Context, endInTime } from '../context.js'
import { SOME_FAILED } from '../exit-codes.js'
import { openBadRows } from '../ingest/bad-rows-file.js'
import { WaitNotices } from '../ingest/wait-notices.js'
import { readLabelSet } from '../options/label-files.js'
import { Progress } from '../print/progress.js'
import { chooseImportModel, type ImportModel } from './choose-model.js'
import { describeImport, nextSteps } from './import-report.js'
import { labelImported } from './label-imported.js'

export interface ImportCommandOptions {
  inputs: string[]
  model: string
  dimension?: number
  ids?: string
  idColumn?: string
  vectorColumn?: string
  dryRun?: boolean
  badRows?: string
}

/** The command `import`. @returns exit code */
export async function runImport(context: Context, options: ImportCommandOptions): Promise<number> {
  const { app, out } = context
  const { dryRun = false, badRows: badRowsFile } = options
  endInTime(context, 'nothing')
  const repositories = dryRun ? null : await app.repositories()
  const model = await chooseImportModel(app.models, repositories?.ingest ?? null, options.model, options.dimension)
  const { identity } = model
  const key = modelKey(identity)
  const sets = labelSetsFor(context, model)
  const how = { ...howToRead(options), dimension: identity.dimension }
  const source = await openVectors(options.inputs, how)
  for (const warning of source.warnings) out.note(warning)
  const badRows = await openBadRows(badRowsFile)
  try {
    const id = repositories && (await repositories.ingest.registerModel(identity))
    const of = id === null ? null : { modelId: id, digest: await importDigest(source, how), source: source.description }
    const { summary, seconds } = await read(context, source, of, { ...how, onBadRow: badRows.write })
    const leftOut = source.leftOut()
    out.result(
      { model: key, dimension: identity.dimension, ...summary, leftOut, seconds, dryRun },
      describeImport(summary, identity, seconds, { dryRun, badRowsFile, leftOut }),
    )
    if (repositories !== null && id !== null) {
      await labelImported(context, { id, key, ...model }, sets)
      const searched = await repositories.ingest.latestModel()
      out.text(`\n${nextSteps(key, searched?.id === id)}`)
    }
    return summary.badRows > 0 ? SOME_FAILED : 0
  } finally {
    await badRows.close()
  }
}

function howToRead({ ids, idColumn, vectorColumn }: ImportCommandOptions): Omit<VectorInputOptions, 'dimension'> {
  return { ids, idColumn, vectorColumn }
}

/** @param of null: only reads and checks */
async function read(
  { app, out, signal }: Context,
  source: VectorSource,
  of: VectorImport | null,
  options: Omit<ImportOptions, 'signal'>,
): Promise<{ summary: ImportSummary; seconds: number }> {
  const target = of && { repository: (await app.repositories()).imports, import: of }
  if (target) await app.database.keepAlive()
  const progress = new Progress('import')
  try {
    const summary = await importVectors(source, target, {
      ...options,
      onProgress: soFar => progress.write(progressLine(soFar, source.total, progress.seconds)),
      onWait: new WaitNotices(out, progress).tell,
      signal,
    })
    return { summary, seconds: progress.seconds }
  } finally {
    progress.end()
  }
}

function progressLine({ rows }: Readonly<ImportSummary>, total: number | null, seconds: number): string {
  const of = total === null ? formatQuantity(rows, 'row') : `${formatCount(rows)} of ${formatQuantity(total, 'row')}`
  return `import: ${of} read, ${formatCount(Math.round(rows / Math.max(seconds, 0.001)))}/s`
}

/**
 * The label sets to predict. Without words there are no labels: the default sets are left out, and requested ones refused.
 * @throws AppError LABEL_SET_INVALID, MODEL_WITHOUT_TEXT
 */
function labelSetsFor({ app, environment }: Context, { identity, spec }: ImportModel): LabelSet[] {
  const names = app.config.LABEL_SETS
  if (hasTextTower(spec)) return names.map(name => readLabelSet(name, app.labelFolders))
  if (environment.LABEL_SETS && names.length > 0)
    throw knowsNoWords(
      identity,
      `predict ${names.join(', ')}`,
      'Import without labels (leave out --label-set; if the setting LABEL_SETS is set, --label-set none).',
    )
  return []
}
