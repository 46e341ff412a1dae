import { AppError } from '../domain/errors.js'
import { IMPORTED, type ModelIdentity } from '../domain/model.js'

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

/** Whether a model is made of imported vectors only, so that nothing here can embed with it. */
export function isImported({ revision }: Pick<ModelIdentity, 'revision'>): boolean {
  return revision === IMPORTED
}

/**
 * The identity of a model of vectors only. Its scores are those of CLIP; they matter only for labels that are defined in
 * SQL.
 * @param key `name` or `name@precision`
 * @throws AppError USAGE for another name
 */
export function importedModel(key: string, dimension: number): ModelIdentity {
  const [name = '', precision = IMPORTED, ...more] = key.split('@')
  if (!NAME.test(name) || !/[^0-9]/.test(name) || !NAME.test(precision) || more.length > 0)
    throw new AppError(
      'USAGE',
      `--model expects a name of small letters, digits, "-", "_" and ".", or name@precision, found ${JSON.stringify(key)}.`,
    )
  return {
    ...{ name, precision, revision: IMPORTED, dimension },
    ...{ scoring: 'softmax', logitScale: 100, logitBias: 0 },
  }
}
