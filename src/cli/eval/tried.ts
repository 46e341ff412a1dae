import type { Products } from '../../analysis/matrix/products.js'
import type { Repositories } from '../../compose/open-repositories.js'
import { AppError } from '../../domain/errors.js'
import type { ModelId } from '../../domain/ports/repository.js'
import { REFERENCE_TEXTS } from '../../domain/text/reference-texts.js'
import type { Variant } from '../../evaluation/evaluate.js'
import { queryVectors, type TextSources } from '../../evaluation/query-vectors.js'
import { TriedCorrections } from '../../evaluation/tried-corrections.js'
import type { SearchModel } from '../../search/search-model.js'
import { distinctPrompts } from '../../search/stored-prompts.js'
import { PROMPTS, storedPrompts, textLines } from './judged-source.js'

/**
 * The corrections that variants try, by model.
 * @param references file of texts, or `prompts`; undefined: the reference texts of the model
 * @throws AppError USAGE for fewer texts than a variant's k; INPUT_NOT_FOUND; those of embedding texts
 */
export async function openTried(
  variants: readonly Variant[],
  references: string | undefined,
  { repositories, sources, products }: { repositories: Repositories; sources: TextSources; products: Products },
  signal: AbortSignal,
): Promise<Map<ModelId, TriedCorrections>> {
  const tried = new Map<ModelId, TriedCorrections>()
  const models = new Map(variants.filter(each => each.tried).map(({ model }) => [model.id, model]))
  for (const model of models.values()) {
    const corrections = variants.flatMap(each => (each.tried && each.model.id === model.id ? [each.tried] : []))
    const texts = distinctPrompts(await referenceTexts(repositories, model, references))
    const most = Math.max(...corrections.map(({ k }) => k))
    if (texts.length < most)
      throw new AppError('USAGE', `--variant: k=${most} expects as many reference texts, found ${texts.length}`)
    const { vectors } = await queryVectors(sources, model, texts, () => {}, signal)
    tried.set(model.id, new TriedCorrections(repositories.vectors, products, model.id, vectors, corrections))
  }
  return tried
}

async function referenceTexts(
  { prompts, references }: Repositories,
  { id }: SearchModel,
  named: string | undefined,
): Promise<readonly string[]> {
  if (named === PROMPTS) return storedPrompts(prompts, id)
  if (named !== undefined) return textLines(named, '--references')
  return (await references.find(id))?.texts ?? REFERENCE_TEXTS
}
