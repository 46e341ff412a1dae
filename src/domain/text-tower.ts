import { AppError } from './errors.js'
import { type ModelIdentity, modelKey } from './model.js'

/** A model whose description says whether it has a text tower. */
export type DescribedModel = Pick<ModelIdentity, 'name' | 'precision'> & { readonly text?: object }

/**
 * Returns whether a model can embed texts here. An image-only model knows no words, and so no labels.
 * @param model null: no files of it are known here
 */
export function hasTextTower(model: DescribedModel | null): boolean {
  return model?.text !== undefined
}

/**
 * Rejects models without a text tower. Operations on words call it before they open or write anything. A model that is
 * not known here may have one: its words may be stored.
 * @param wanted the purpose of the words; follows "so it cannot"
 * @param instead the way out, in one or two sentences
 * @throws AppError MODEL_WITHOUT_TEXT
 */
export function requireTextTower(model: DescribedModel | null, wanted: string, instead: string): void {
  if (model !== null && !hasTextTower(model)) throw knowsNoWords(model, wanted, instead)
}

/** Returns the error MODEL_WITHOUT_TEXT. Parameters as for {@link requireTextTower}. */
export function knowsNoWords(
  model: Pick<ModelIdentity, 'name' | 'precision'>,
  wanted: string,
  instead: string,
): AppError {
  return new AppError('MODEL_WITHOUT_TEXT', `${modelKey(model)} embeds only images, so it cannot ${wanted}. ${instead}`)
}
