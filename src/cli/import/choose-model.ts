import { AppError } from '../../domain/errors.js'
import { type ModelIdentity, modelKey } from '../../domain/model.js'
import type { IngestRepository } from '../../domain/ports/repository.js'
import { importedModel } from '../../imports/imported-model.js'
import type { KnownModel, ModelCatalog } from '../../search/search-model.js'

export interface ImportModel {
  identity: ModelIdentity
  /** Its description here; null: nothing here can embed with it. */
  spec: KnownModel | null
}

/** Without a precision in the name: other programs do not compute with the 8 bits of this one. */
const USUAL_PRECISION = 'fp32'

/**
 * The model that made the vectors: one that is known here, in the revision that is known here, since only the user can tell
 * which it was; else one that the database has vectors of; else a new one, of vectors only. A name without precision means
 * the precision that the database has vectors of, else fp32 where the model has it.
 * @param ingest null: nothing may be asked of the database
 * @throws AppError USAGE, MODEL_UNKNOWN (a new one without dimension), MODEL_NOT_FOUND
 */
export async function chooseImportModel(
  models: Pick<ModelCatalog, 'resolve' | 'identify'>,
  ingest: Pick<IngestRepository, 'findModel'> | null,
  named: string,
  dimension: number | undefined,
): Promise<ImportModel> {
  const stored = (await ingest?.findModel(named)) ?? null
  const key = stored ? modelKey(stored.identity) : named
  const found = resolved(models, stored || named.includes('@') ? [key] : [`${named}@${USUAL_PRECISION}`, named])
  if (found.spec) return fitting({ identity: await models.identify(modelKey(found.spec)), spec: found.spec }, dimension)
  if (stored !== null) return fitting({ identity: stored.identity, spec: null }, dimension)
  if (dimension === undefined)
    throw new AppError(
      'MODEL_UNKNOWN',
      `${found.unknown.message} To create a model of which there are only vectors, add --dimension N.`,
      { cause: found.unknown },
    )
  return { identity: importedModel(named, dimension), spec: null }
}

/** @param keys the first that is known counts */
function resolved(
  models: Pick<ModelCatalog, 'resolve'>,
  keys: readonly string[],
): { spec: KnownModel } | { spec: null; unknown: AppError } {
  let unknown: AppError | undefined
  for (const key of keys) {
    try {
      return { spec: models.resolve(key) }
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'MODEL_UNKNOWN')) throw error
      unknown = error
    }
  }
  return { spec: null, unknown: unknown! }
}

function fitting(model: ImportModel, dimension: number | undefined): ImportModel {
  if (dimension === undefined || dimension === model.identity.dimension) return model
  throw new AppError(
    'USAGE',
    `--dimension expects ${model.identity.dimension}, as the vectors of ${modelKey(model.identity)} have, found ${dimension}. Leave it out, or give a new model another name.`,
  )
}
